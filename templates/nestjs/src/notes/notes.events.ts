import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import { describeError } from '../infrastructure/describe-error.js';
import { RabbitmqClient } from '../infrastructure/rabbitmq/rabbitmq.client.js';
import type { Note } from './note.js';
import { NotesCache } from './notes.cache.js';
import { NotesRepository } from './notes.repository.js';

const EXCHANGE = 'notes';
const CREATED = 'note.created';
const QUEUE = 'notes.announce';
const PREFETCH = 10;
const RETRY_DELAY_MS = 1_000;

/** Publishes `note.created`, and is its consumer: it records that the event made the round trip. */
@Injectable()
export class NotesEvents implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(NotesEvents.name);
  private readonly inProgress = new Set<Promise<void>>();
  private cancel: (() => Promise<unknown>) | undefined;

  constructor(
    private readonly rabbitmq: RabbitmqClient,
    private readonly repository: NotesRepository,
    private readonly cache: NotesCache,
  ) {}

  onModuleInit(): void {
    this.rabbitmq.onChannel((channel) => this.setUp(channel));
  }

  async publishCreated(note: Note): Promise<void> {
    try {
      await this.rabbitmq.publish(EXCHANGE, CREATED, { id: note.id });
    } catch (error) {
      throw new Error(`not announced: ${describeError(error)}`);
    }
  }

  /** Before the clients close: takes no more messages and finishes the ones it has. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.cancel?.().catch(() => {});
    await Promise.allSettled(this.inProgress);
  }

  private async setUp(channel: ConfirmChannel): Promise<void> {
    await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
    await channel.assertQueue(QUEUE, { durable: true });
    await channel.bindQueue(QUEUE, EXCHANGE, CREATED);
    await channel.prefetch(PREFETCH);
    const { consumerTag } = await channel.consume(QUEUE, (message) => this.receive(channel, message));
    this.cancel = async () => await channel.cancel(consumerTag);
  }

  private receive(channel: ConfirmChannel, message: ConsumeMessage | null): void {
    if (message === null) {
      // The queue was deleted; closing the channel leads to a new setup.
      channel.close().catch(() => {});
      return;
    }
    const work = this.handle(channel, message).finally(() => this.inProgress.delete(work));
    this.inProgress.add(work);
  }

  private async handle(channel: ConfirmChannel, message: ConsumeMessage): Promise<void> {
    const id = readId(message.content);
    if (id === undefined) {
      this.logger.warn('drops a message that is not an event of this application');
      settle(() => channel.reject(message, false));
      return;
    }
    try {
      const note = await this.repository.markAnnounced(id);
      if (note !== undefined) await this.cache.put(note);
      settle(() => channel.ack(message));
    } catch (error) {
      this.logger.warn(`note ${id} is not announced yet: ${describeError(error)}`);
      // Given back at once, the message would return at once for as long as the database is away.
      setTimeout(() => settle(() => channel.nack(message)), RETRY_DELAY_MS).unref();
    }
  }
}

/** The channel can have closed in the meantime; then the broker delivers the message again by itself. */
function settle(answer: () => void): void {
  try {
    answer();
  } catch {
    return;
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function readId(content: Buffer): string | undefined {
  try {
    const event: unknown = JSON.parse(content.toString());
    if (typeof event !== 'object' || event === null || !('id' in event)) return undefined;
    return typeof event.id === 'string' && UUID.test(event.id) ? event.id : undefined;
  } catch {
    return undefined;
  }
}

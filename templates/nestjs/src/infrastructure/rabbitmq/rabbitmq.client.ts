import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { type ChannelModel, type ConfirmChannel, connect, type RecoveringChannelModel } from 'amqplib';
import { Environment } from '../../config/environment.js';
import { describeError } from '../describe-error.js';
import { withTimeout } from '../timeout.js';

/** Declares exchanges and queues and starts consumers; runs again after each reconnect. */
export type ChannelSetup = (channel: ConfirmChannel) => Promise<void>;

const CONFIRM_TIMEOUT_MS = 3_000;

/**
 * One connection with one channel. Whatever breaks either of them ends the
 * connection, so that there is a single way back: reconnect and run every setup.
 */
@Injectable()
export class RabbitmqClient implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(RabbitmqClient.name);
  private readonly setups: ChannelSetup[] = [];
  private connection: RecoveringChannelModel | undefined;
  private channel: ConfirmChannel | undefined;
  /** Why there is no channel. */
  private problem = 'not connected yet';

  constructor(private readonly environment: Environment) {}

  /** To be called in `onModuleInit`: the connection opens after all of those. */
  onChannel(setup: ChannelSetup): void {
    this.setups.push(setup);
  }

  /** Resolves when the broker has taken responsibility for the message. */
  async publish(exchange: string, routingKey: string, message: unknown): Promise<void> {
    const channel = this.requireChannel();
    const confirmed = new Promise<void>((resolve, reject) => {
      channel.publish(
        exchange,
        routingKey,
        Buffer.from(JSON.stringify(message)),
        { contentType: 'application/json', persistent: true },
        (error: Error | null) => (error === null ? resolve() : reject(error)),
      );
    });
    await withTimeout(confirmed, CONFIRM_TIMEOUT_MS);
  }

  /** Asks the broker for something on the open channel; an open socket alone proves little. */
  async ping(): Promise<void> {
    await this.requireChannel().checkExchange('amq.topic');
  }

  async onApplicationBootstrap(): Promise<void> {
    const connection = await connect(this.environment.rabbitmqUrl, {
      timeout: 3_000,
      clientProperties: { connection_name: 'notes-api' },
      recovery: {
        initialDelay: 100,
        maxDelay: 2_000,
        setup: (model: ChannelModel) => this.openChannel(model),
        // The application serves, and reports its health, while the broker still starts.
        waitForConnect: false,
      },
    });
    connection.on('connect', () => this.logger.log('connected'));
    connection.on('disconnect', (error) => {
      this.problem = describeError(error);
      this.logger.warn(`disconnected: ${this.problem}`);
    });
    connection.on('connect-failed', (error) => {
      this.problem = describeError(error);
    });
    // A disconnect follows; without a listener the event would end the process.
    connection.on('error', () => {});
    this.connection = connection;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.connection?.close();
  }

  private async openChannel(model: ChannelModel): Promise<void> {
    // The connection can break before the recovery listens to it.
    model.on('error', () => {});
    const channel = await model.createConfirmChannel();
    channel.on('error', (error) => this.logger.warn(`channel failed: ${error.message}`));
    channel.on('close', () => {
      if (this.channel !== channel) return;
      this.channel = undefined;
      // Rejected when the connection is what closed the channel.
      model.close().catch(() => {});
    });
    for (const setup of this.setups) await setup(channel);
    this.channel = channel;
  }

  private requireChannel(): ConfirmChannel {
    if (this.channel === undefined) throw new Error(this.problem);
    return this.channel;
  }
}

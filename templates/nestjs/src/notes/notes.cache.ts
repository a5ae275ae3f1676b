import { Injectable, Logger } from '@nestjs/common';
import { describeError } from '../infrastructure/describe-error.js';
import { RedisClient } from '../infrastructure/redis/redis.client.js';
import type { Note } from './note.js';

const SECONDS_TO_LIVE = 300;

/** Never fails a request: without Redis the notes come from the database. */
@Injectable()
export class NotesCache {
  private readonly logger = new Logger(NotesCache.name);

  constructor(private readonly redis: RedisClient) {}

  async get(id: string): Promise<Note | undefined> {
    const value = await this.attempt(() => this.redis.get(key(id)));
    // Only this class writes these keys, so the value has this shape.
    return value ? (JSON.parse(value) as Note) : undefined;
  }

  async put(note: Note): Promise<void> {
    await this.attempt(() => this.redis.set(key(note.id), JSON.stringify(note), SECONDS_TO_LIVE));
  }

  /** For a note that was read: a newer state written in the meantime stays. */
  async fill(note: Note): Promise<void> {
    await this.attempt(() => this.redis.setIfAbsent(key(note.id), JSON.stringify(note), SECONDS_TO_LIVE));
  }

  private async attempt<T>(command: () => Promise<T>): Promise<T | undefined> {
    try {
      return await command();
    } catch (error) {
      this.logger.warn(`goes on without the cache: ${describeError(error)}`);
      return undefined;
    }
  }
}

function key(id: string): string {
  // Ids are case-insensitive in the database, keys are not.
  return `note:${id.toLowerCase()}`;
}

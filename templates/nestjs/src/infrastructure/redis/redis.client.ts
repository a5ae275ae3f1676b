import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Environment } from '../../config/environment.js';
import { describeError } from '../describe-error.js';

@Injectable()
export class RedisClient implements OnApplicationShutdown {
  private readonly logger = new Logger(RedisClient.name);
  private readonly redis: Redis;
  /** Why there is no connection. */
  private problem: string | undefined = 'not connected yet';

  constructor(environment: Environment) {
    this.redis = new Redis(environment.redisUrl, {
      connectionName: 'notes-api',
      connectTimeout: 3_000,
      commandTimeout: 1_000,
      // A cache that is away must fail at once, not hold requests until it returns.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
    });
    this.redis.on('ready', () => {
      this.logger.log('connected');
      this.problem = undefined;
    });
    this.redis.on('close', () => this.disconnected('connection closed'));
    this.redis.on('error', (error: Error) => this.disconnected(describeError(error)));
  }

  async get(key: string): Promise<string | null> {
    return await this.connected().get(key);
  }

  async set(key: string, value: string, secondsToLive: number): Promise<void> {
    await this.connected().set(key, value, 'EX', secondsToLive);
  }

  async setIfAbsent(key: string, value: string, secondsToLive: number): Promise<void> {
    await this.connected().set(key, value, 'EX', secondsToLive, 'NX');
  }

  async ping(): Promise<void> {
    await this.connected().ping();
  }

  onApplicationShutdown(): void {
    this.redis.removeAllListeners('close');
    this.redis.disconnect();
  }

  /** Says what is wrong, where the client itself would only say that it is not writable. */
  private connected(): Redis {
    if (this.problem !== undefined) throw new Error(this.problem);
    return this.redis;
  }

  /** Logs when the connection is lost, and not again for each attempt to reconnect. */
  private disconnected(problem: string): void {
    if (this.problem === undefined) this.logger.warn(`disconnected: ${problem}`);
    this.problem = problem;
  }
}

import { Injectable } from '@nestjs/common';
import { describeError } from '../infrastructure/describe-error.js';
import { MeilisearchClient } from '../infrastructure/meilisearch/meilisearch.client.js';
import { PostgresClient } from '../infrastructure/postgres/postgres.client.js';
import { RabbitmqClient } from '../infrastructure/rabbitmq/rabbitmq.client.js';
import { RedisClient } from '../infrastructure/redis/redis.client.js';
import { withTimeout } from '../infrastructure/timeout.js';

export interface DependencyHealth {
  status: 'up' | 'down';
  latencyMs: number;
  error?: string;
}

export interface HealthReport {
  status: 'ok' | 'error';
  dependencies: Record<string, DependencyHealth>;
}

interface Dependency {
  ping(): Promise<void>;
}

const CHECK_TIMEOUT_MS = 1_000;

@Injectable()
export class HealthService {
  private readonly dependencies: Readonly<Record<string, Dependency>>;

  constructor(
    postgres: PostgresClient,
    redis: RedisClient,
    meilisearch: MeilisearchClient,
    rabbitmq: RabbitmqClient,
  ) {
    this.dependencies = { postgres, redis, meilisearch, rabbitmq };
  }

  /** Asks all at once, so that the answer takes as long as the slowest and never longer than one timeout. */
  async check(): Promise<HealthReport> {
    const results = await Promise.all(
      Object.entries(this.dependencies).map(async ([name, dependency]) => [name, await checkOne(dependency)] as const),
    );
    const healthy = results.every(([, health]) => health.status === 'up');
    return { status: healthy ? 'ok' : 'error', dependencies: Object.fromEntries(results) };
  }
}

async function checkOne(dependency: Dependency): Promise<DependencyHealth> {
  const started = performance.now();
  const latencyMs = () => Math.round((performance.now() - started) * 10) / 10;
  try {
    await withTimeout(dependency.ping(), CHECK_TIMEOUT_MS);
    return { status: 'up', latencyMs: latencyMs() };
  } catch (error) {
    return { status: 'down', latencyMs: latencyMs(), error: describeError(error) };
  }
}

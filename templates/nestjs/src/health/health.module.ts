import { Module } from '@nestjs/common';
import { MeilisearchModule } from '../infrastructure/meilisearch/meilisearch.module.js';
import { PostgresModule } from '../infrastructure/postgres/postgres.module.js';
import { RabbitmqModule } from '../infrastructure/rabbitmq/rabbitmq.module.js';
import { RedisModule } from '../infrastructure/redis/redis.module.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';

@Module({
  imports: [PostgresModule, RedisModule, MeilisearchModule, RabbitmqModule],
  controllers: [HealthController],
  providers: [HealthService],
})
export class HealthModule {}

import { Module } from '@nestjs/common';
import { MeilisearchModule } from '../infrastructure/meilisearch/meilisearch.module.js';
import { PostgresModule } from '../infrastructure/postgres/postgres.module.js';
import { RabbitmqModule } from '../infrastructure/rabbitmq/rabbitmq.module.js';
import { RedisModule } from '../infrastructure/redis/redis.module.js';
import { NotesCache } from './notes.cache.js';
import { NotesController } from './notes.controller.js';
import { NotesEvents } from './notes.events.js';
import { NotesRepository } from './notes.repository.js';
import { NotesSearch } from './notes.search.js';
import { NotesService } from './notes.service.js';

@Module({
  imports: [PostgresModule, RedisModule, MeilisearchModule, RabbitmqModule],
  controllers: [NotesController],
  providers: [NotesService, NotesRepository, NotesCache, NotesSearch, NotesEvents],
})
export class NotesModule {}

import { Module } from '@nestjs/common';
import { MeilisearchClient } from './meilisearch.client.js';

@Module({ providers: [MeilisearchClient], exports: [MeilisearchClient] })
export class MeilisearchModule {}

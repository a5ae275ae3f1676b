import { Module } from '@nestjs/common';
import { PostgresClient } from './postgres.client.js';

@Module({ providers: [PostgresClient], exports: [PostgresClient] })
export class PostgresModule {}

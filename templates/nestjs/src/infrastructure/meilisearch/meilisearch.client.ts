import { Injectable } from '@nestjs/common';
import { type Index, Meilisearch } from 'meilisearch';
import { Environment } from '../../config/environment.js';

/** Speaks HTTP for each request, so there is no connection to keep or to close. */
@Injectable()
export class MeilisearchClient {
  private readonly meilisearch: Meilisearch;

  constructor(environment: Environment) {
    this.meilisearch = new Meilisearch({
      host: environment.meilisearchUrl,
      apiKey: environment.meilisearchApiKey,
      timeout: 3_000,
    });
  }

  index<Document extends Record<string, unknown>>(name: string): Index<Document> {
    return this.meilisearch.index<Document>(name);
  }

  async ping(): Promise<void> {
    await this.meilisearch.health();
  }
}

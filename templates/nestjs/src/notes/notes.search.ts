import { Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { type Index, MeilisearchApiError } from 'meilisearch';
import { describeError } from '../infrastructure/describe-error.js';
import { MeilisearchClient } from '../infrastructure/meilisearch/meilisearch.client.js';
import type { Note } from './note.js';

const INDEXING_TIMEOUT_MS = 5_000;
const INDEXING_POLL_MS = 25;

type IndexedNote = Pick<Note, 'id' | 'title' | 'body'>;

@Injectable()
export class NotesSearch {
  private readonly logger = new Logger(NotesSearch.name);
  private readonly index: Index<IndexedNote>;

  constructor(meilisearch: MeilisearchClient) {
    this.index = meilisearch.index<IndexedNote>('notes');
  }

  /** Waits until the note is searchable; the first note creates the index. */
  async add({ id, title, body }: Note): Promise<void> {
    try {
      const task = await this.index
        .addDocuments([{ id, title, body }], { primaryKey: 'id' })
        .waitTask({ timeout: INDEXING_TIMEOUT_MS, interval: INDEXING_POLL_MS });
      if (task.status !== 'succeeded') throw new Error(task.error?.message ?? `indexing ${task.status}`);
    } catch (error) {
      throw new Error(`not searchable: ${describeError(error)}`);
    }
  }

  /** Returns ids, best match first. */
  async find(query: string, limit: number): Promise<string[]> {
    try {
      const { hits } = await this.index.search(query, {
        limit,
        attributesToRetrieve: ['id'],
        attributesToSearchOn: ['title', 'body'],
      });
      return hits.map((hit) => hit.id);
    } catch (error) {
      if (error instanceof MeilisearchApiError && error.cause?.code === 'index_not_found') return [];
      this.logger.warn(describeError(error));
      throw new ServiceUnavailableException(`the search is not available: ${describeError(error)}`);
    }
  }
}

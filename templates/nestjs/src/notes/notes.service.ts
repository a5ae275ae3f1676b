import { Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { describeError } from '../infrastructure/describe-error.js';
import type { NewNote, Note } from './note.js';
import { NotesCache } from './notes.cache.js';
import { NotesEvents } from './notes.events.js';
import { NotesRepository } from './notes.repository.js';
import { NotesSearch } from './notes.search.js';

export type CachedNote = Note & { cached: boolean };

/** The database holds the truth; cache and search index are derived from it. */
@Injectable()
export class NotesService {
  private readonly logger = new Logger(NotesService.name);

  constructor(
    private readonly repository: NotesRepository,
    private readonly cache: NotesCache,
    private readonly index: NotesSearch,
    private readonly events: NotesEvents,
  ) {}

  /**
   * Answers when the note is stored, searchable and announced. A note that is
   * only stored is reported as an error that says so.
   */
  async create(newNote: NewNote): Promise<Note> {
    const note = await this.repository.insert(newNote);
    try {
      // The event comes last: who hears of the note can find it.
      await Promise.all([this.cache.put(note), this.index.add(note)]);
      await this.events.publishCreated(note);
    } catch (error) {
      this.logger.error(`note ${note.id}: ${describeError(error)}`);
      throw new ServiceUnavailableException(`note ${note.id} is stored, but ${describeError(error)}`);
    }
    return note;
  }

  async list(limit: number): Promise<Note[]> {
    return await this.repository.newest(limit);
  }

  async find(id: string): Promise<CachedNote | undefined> {
    const cached = await this.cache.get(id);
    if (cached !== undefined) return { ...cached, cached: true };

    const note = await this.repository.find(id);
    if (note === undefined) return undefined;
    await this.cache.fill(note);
    return { ...note, cached: false };
  }

  /** The index gives the order, the database the notes: the index may know some that are gone. */
  async search(query: string, limit: number): Promise<Note[]> {
    const ids = await this.index.find(query, limit);
    return await this.repository.findAll(ids);
  }
}

import { Injectable } from '@nestjs/common';
import { PostgresClient } from '../infrastructure/postgres/postgres.client.js';
import type { NewNote, Note } from './note.js';

interface NoteRow {
  id: string;
  title: string;
  body: string;
  created_at: Date;
  announced_at: Date | null;
}

const COLUMNS = 'id, title, body, created_at, announced_at';

@Injectable()
export class NotesRepository {
  constructor(private readonly postgres: PostgresClient) {}

  async insert({ title, body }: NewNote): Promise<Note> {
    const [row] = await this.postgres.query<NoteRow>(
      `insert into notes (title, body) values ($1, $2) returning ${COLUMNS}`,
      [title, body],
    );
    if (row === undefined) throw new Error('the database returned no row for the new note');
    return toNote(row);
  }

  async newest(limit: number): Promise<Note[]> {
    const rows = await this.postgres.query<NoteRow>(
      `select ${COLUMNS} from notes order by created_at desc, id desc limit $1`,
      [limit],
    );
    return rows.map(toNote);
  }

  async find(id: string): Promise<Note | undefined> {
    const [note] = await this.findAll([id]);
    return note;
  }

  /** Keeps the order of `ids` and leaves out the ones that do not exist. */
  async findAll(ids: readonly string[]): Promise<Note[]> {
    if (ids.length === 0) return [];
    const rows = await this.postgres.query<NoteRow>(
      `select ${COLUMNS} from notes where id = any($1::uuid[]) order by array_position($1::uuid[], id)`,
      [ids],
    );
    return rows.map(toNote);
  }

  /** Keeps the first time, because a message can be delivered more than once. */
  async markAnnounced(id: string): Promise<Note | undefined> {
    const [row] = await this.postgres.query<NoteRow>(
      `update notes set announced_at = coalesce(announced_at, now()) where id = $1 returning ${COLUMNS}`,
      [id],
    );
    return row && toNote(row);
  }
}

function toNote(row: NoteRow): Note {
  return {
    id: row.id,
    title: row.title,
    body: row.body,
    createdAt: row.created_at.toISOString(),
    announcedAt: row.announced_at?.toISOString() ?? null,
  };
}

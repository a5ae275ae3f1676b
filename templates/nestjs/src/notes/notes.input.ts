import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';
import type { NewNote } from './note.js';

const TITLE_MAX = 200;
const BODY_MAX = 10_000;
const QUERY_MAX = 200;
const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;

/** Names every problem of the body at once. */
@Injectable()
export class NewNotePipe implements PipeTransform<unknown, NewNote> {
  transform(value: unknown): NewNote {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new BadRequestException(['the body must be a JSON object with "title" and "body"']);
    }
    const problems: string[] = [];
    const fields = new Map<string, unknown>(Object.entries(value));
    const note = {
      title: requiredText(fields, 'title', TITLE_MAX, problems),
      body: requiredText(fields, 'body', BODY_MAX, problems),
    };
    for (const name of fields.keys()) {
      if (!(name in note)) problems.push(`${name} is not a field of a note`);
    }
    if (problems.length > 0) throw new BadRequestException(problems);
    return note;
  }
}

@Injectable()
export class LimitPipe implements PipeTransform<unknown, number> {
  transform(value: unknown): number {
    if (value === undefined) return LIMIT_DEFAULT;
    const limit = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : 0;
    if (limit < 1 || limit > LIMIT_MAX) {
      throw new BadRequestException([`limit must be a whole number between 1 and ${LIMIT_MAX}`]);
    }
    return limit;
  }
}

@Injectable()
export class SearchQueryPipe implements PipeTransform<unknown, string> {
  transform(value: unknown): string {
    const problems: string[] = [];
    const query = requiredText(new Map([['q', value]]), 'q', QUERY_MAX, problems);
    if (problems.length > 0) throw new BadRequestException(problems);
    return query;
  }
}

function requiredText(fields: Map<string, unknown>, name: string, max: number, problems: string[]): string {
  const value = fields.get(name);
  if (value === undefined) {
    problems.push(`${name} is required`);
  } else if (typeof value !== 'string') {
    problems.push(`${name} must be a string`);
  } else if (value.trim() === '') {
    problems.push(`${name} must not be empty`);
  } else if (value.length > max) {
    problems.push(`${name} must not be longer than ${max} characters`);
  } else if (value.includes('\0')) {
    // PostgreSQL cannot store it in a text.
    problems.push(`${name} must not contain a NUL character`);
  } else {
    return value.trim();
  }
  return '';
}

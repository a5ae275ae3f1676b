import { Body, Controller, Get, NotFoundException, Param, ParseUUIDPipe, Post, Query } from '@nestjs/common';
import type { NewNote, Note } from './note.js';
import { LimitPipe, NewNotePipe, SearchQueryPipe } from './notes.input.js';
import { type CachedNote, NotesService } from './notes.service.js';

@Controller('notes')
export class NotesController {
  constructor(private readonly notes: NotesService) {}

  @Post()
  async create(@Body(NewNotePipe) note: NewNote): Promise<Note> {
    return await this.notes.create(note);
  }

  @Get()
  async list(@Query('limit', LimitPipe) limit: number): Promise<Note[]> {
    return await this.notes.list(limit);
  }

  // Before `:id`, which would take "search" for an id.
  @Get('search')
  async search(
    @Query('q', SearchQueryPipe) query: string,
    @Query('limit', LimitPipe) limit: number,
  ): Promise<Note[]> {
    return await this.notes.search(query, limit);
  }

  @Get(':id')
  async find(@Param('id', ParseUUIDPipe) id: string): Promise<CachedNote> {
    const note = await this.notes.find(id);
    if (note === undefined) throw new NotFoundException(`there is no note ${id}`);
    return note;
  }
}

export interface Note {
  id: string;
  title: string;
  body: string;
  createdAt: string;
  /** When the consumer of `note.created` handled the event; null until then. */
  announcedAt: string | null;
}

export interface NewNote {
  title: string;
  body: string;
}

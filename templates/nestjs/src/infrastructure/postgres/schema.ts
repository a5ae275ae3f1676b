/**
 * Creates what is missing and changes nothing else. Sent as one message, so the
 * server runs it in one transaction; the lock keeps connections that open at
 * the same time from creating the same table twice, which `if not exists`
 * alone does not prevent.
 */
export const SCHEMA = `
  select pg_advisory_xact_lock(hashtext('notes-api schema'));
  set local client_min_messages = warning;
  create table if not exists notes (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    body text not null,
    created_at timestamptz not null default now(),
    announced_at timestamptz
  );
  create index if not exists notes_newest_first on notes (created_at desc, id desc);
`;

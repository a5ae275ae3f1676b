// Where an error is, in the developer's own source, and how that place looks.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

const LINES_AROUND = 2;

/**
 * The lines around a place, with a caret below it; `null` when there is no such place.
 * @param text what the file had in it when the place was found; read now when absent
 */
export function codeFrame(file, line, column, shown = file, text = read(file)) {
  const lines = text?.split(/\r?\n/) ?? [];
  if (!(line >= 1 && line <= lines.length)) return null;
  const first = Math.max(1, line - LINES_AROUND);
  const last = Math.min(lines.length, line + LINES_AROUND);
  const width = String(last).length;
  const frame = [`${' '.repeat(width)} --> ${shown}:${line}${column ? `:${column}` : ''}`];
  for (let number = first; number <= last; number += 1) {
    const mark = number === line ? '>' : ' ';
    frame.push(`${mark} ${String(number).padStart(width)} | ${lines[number - 1]}`.trimEnd());
    if (number === line && column >= 1) {
      // Tabs stay tabs, so that the caret is below its column.
      const before = lines[number - 1].slice(0, column - 1).replace(/[^\t]/g, ' ');
      frame.push(`  ${' '.repeat(width)} | ${before}^`);
    }
  }
  return frame.join('\n');
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/**
 * The first place of a stack trace (or of whatever a dying process wrote) that is the
 * developer's own: `{ file, line, column }`, with the file's `text` where that is known, or `null`.
 */
export function ownPlace(text, project) {
  const place = /(?:file:\/\/)?(\/[^\s():'"]+?):(\d+)(?::(\d+))?/g;
  for (const [, path, line, column] of text.matchAll(place)) {
    const file = decode(path);
    if (!project.owns(file)) continue;
    const found = { file, line: Number(line), column: column ? Number(column) : null };
    return project.isCompiled(file) ? mapped(found) : found;
  }
  return null;
}

function decode(path) {
  try {
    return fileURLToPath(`file://${path}`);
  } catch {
    return path;
  }
}

function mapped({ file, line, column }) {
  try {
    const payload = JSON.parse(readFileSync(`${file}.map`, 'utf8'));
    const map = new SourceMap(payload);
    const { originalSource, originalLine, originalColumn } = map.findEntry(line - 1, (column ?? 1) - 1);
    if (!originalSource) return null;
    const source = originalSource.startsWith('file:') ? fileURLToPath(originalSource) : originalSource;
    // What was compiled: the file may have changed since.
    const text = payload.sourcesContent?.[payload.sources.indexOf(originalSource)] ?? undefined;
    return { file: source, line: originalLine + 1, column: column ? originalColumn + 1 : null, text };
  } catch {
    return null;
  }
}

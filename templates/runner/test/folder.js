// A folder with files in it, gone after the test.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** @param files texts by name; what is no text is written as JSON, `null` is a folder */
export function folder(t, files) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'folder-')));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  write(root, files);
  return root;
}

export function write(root, files, mode = 0o644) {
  for (const [name, content] of Object.entries(files)) {
    const file = join(root, name);
    mkdirSync(content === null ? file : dirname(file), { recursive: true });
    if (content === null) continue;
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content), { mode });
  }
}

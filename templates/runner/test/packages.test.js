import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { outOfDate } from '../packages.js';

test('packages are compared with the lock file by their versions', () => {
  const root = mkdtempSync(join(tmpdir(), 'packages-'));
  const write = (file, packages) => writeFileSync(join(root, file), JSON.stringify({ packages }));
  assert.equal(outOfDate(root), null);
  mkdirSync(join(root, 'node_modules'));
  write('package-lock.json', {
    '': { version: '0.0.1' },
    lib: { version: '1.0.0' },
    'node_modules/lib': { resolved: 'lib', link: true },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/a/node_modules/b': { version: '2.0.0' },
    'node_modules/tool': { version: '1.0.0', dev: true },
    'node_modules/other-system': { version: '1.0.0', optional: true },
  });
  assert.equal(outOfDate(root), null);
  const installed = { 'node_modules/a': { version: '1.0.0' }, 'node_modules/a/node_modules/b': { version: '2.0.0' } };
  write('node_modules/.package-lock.json', installed);
  assert.equal(outOfDate(root), null);
  write('node_modules/.package-lock.json', { ...installed, 'node_modules/a/node_modules/b': { version: '1.9.0' } });
  assert.equal(outOfDate(root), 'a/node_modules/b 1.9.0 instead of 2.0.0');
  write('node_modules/.package-lock.json', { ...installed, 'node_modules/tool': { version: '0.9.0' } });
  assert.equal(outOfDate(root), 'tool 0.9.0 instead of 1.0.0');
  write('node_modules/.package-lock.json', { 'node_modules/a': { version: '1.0.0' } });
  assert.equal(outOfDate(root), 'a/node_modules/b is missing');
});

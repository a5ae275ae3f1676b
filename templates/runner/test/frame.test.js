import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { codeFrame, ownPlace } from '../frame.js';
import { parseTypeErrors } from '../types.js';

const root = mkdtempSync(join(tmpdir(), 'frame-'));
const file = join(root, 'a.ts');
writeFileSync(file, 'one\ntwo\n\tthree four\nfive\nsix\nseven\n');

test('a frame has the lines around and a caret below the column', () => {
  assert.equal(
    codeFrame(file, 3, 8, 'a.ts'),
    ['  --> a.ts:3:8', '  1 | one', '  2 | two', '> 3 | \tthree four', '    | \t      ^', '  4 | five', '  5 | six'].join('\n'),
  );
  assert.equal(codeFrame(file, 1, 1, 'a.ts', 'as it was'), '  --> a.ts:1:1\n> 1 | as it was\n    | ^');
  assert.equal(codeFrame(file, 99, 1), null);
  assert.equal(codeFrame(join(root, 'gone.ts'), 1, 1), null);
});

test('the first place of the developer in a trace is found', () => {
  const project = { owns: (path) => path.startsWith(root), isCompiled: () => false };
  const trace = `Error: no\n    at f (file:///x/node_modules/a/b.js:1:2)\n    at g (file://${file}:3:8)\n    at h (${file}:1:1)`;
  assert.deepEqual(ownPlace(trace, project), { file, line: 3, column: 8 });
  assert.equal(ownPlace('nothing of the kind', project), null);
});

test('the lines of tsc become places', () => {
  const output = "src/a.ts(3,8): error TS2322: Type 'x' is not y.\n  more of it\nerror TS5083: Cannot read file.\n";
  assert.deepEqual(parseTypeErrors(output, '/app'), [
    { file: '/app/src/a.ts', line: 3, column: 8, message: "TS2322: Type 'x' is not y." },
  ]);
});

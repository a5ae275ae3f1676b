import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseJsonc, readTsconfig } from '../tsconfig.js';

test('comments and trailing commas are left out, texts are not touched', () => {
  const text = '{ // one\n "a": "// no, /* no */ \\" ,}", /* two\n lines */ "b": [1, 2, ], }';
  assert.deepEqual(parseJsonc(text), { a: '// no, /* no */ " ,}', b: [1, 2] });
  assert.throws(() => parseJsonc('{ "a": }', 'x.json'), /x\.json: /);
});

test('options come from all files that are extended, paths from the file that says them', () => {
  const root = mkdtempSync(join(tmpdir(), 'tsconfig-'));
  mkdirSync(join(root, 'node_modules/base'), { recursive: true });
  writeFileSync(join(root, 'node_modules/base/tsconfig.json'), '{"compilerOptions": {"target": "ES2020", "strict": true}}');
  writeFileSync(join(root, 'common.json'), '{"extends": "base", "compilerOptions": {"outDir": "./out", "target": "ES2022"}}');
  writeFileSync(join(root, 'tsconfig.json'), '{"extends": "./common", "compilerOptions": {"rootDir": "src",},}');
  const { options, files } = readTsconfig(join(root, 'tsconfig.json'));
  assert.deepEqual(options, { target: 'ES2022', strict: true, outDir: join(root, 'out'), rootDir: join(root, 'src') });
  assert.equal(files.length, 3);
  writeFileSync(join(root, 'common.json'), '{"extends": "./tsconfig.json"}');
  assert.throws(() => readTsconfig(join(root, 'tsconfig.json')), /extends itself/);
});

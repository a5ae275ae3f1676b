import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const IMPORTS = fileURLToPath(new URL('../imports.js', import.meta.url));

/** What a module below `out/` imports, by what is told. */
const CASES = {
  'a file beside it': "export { default } from './b.js'",
  'a file above it': "export { default } from './deep/c.js'",
  'a file that is not there': "export { default } from './none.js'",
  'a folder': "export { default } from './deep'",
  'the same file under another name': "import './b.js?1'; export { default } from './b.js'",
  'a link': "export { default } from './link.js'",
  'a package': "export { default } from 'p'",
  'a package for scripts and modules': "import b from './b.js'; import { createRequire } from 'node:module'; import p from 'p'; export default [b, p, createRequire(import.meta.url)('p')]",
  'a part of a package': "export { default } from '@s/p/part.js'",
  'a package that is not there': "export { default } from 'none'",
  'a hidden part of a package': "export { default } from '@s/p/hidden.js'",
  'a name of its own': "export { default } from '#own'",
  'data': "export { default } from './data.json' with { type: 'json' }",
  'Node’s own': "import path from 'path'; import fs from 'node:fs'; export default typeof path.join + typeof fs.read",
  'a folder with rules of its own': "export { default } from './scripts/d.js'",
  'a folder below one with rules of its own': "export { default } from './scripts/deep/e.js'",
  'a module by its extension': "export { default } from './f.mjs'",
  'a module that a script asks for': "import { createRequire } from 'node:module'; export default createRequire(import.meta.url)('./b.js').default",
  'later': "export default (await import('./b.js')).default",
};

const FILES = {
  'package.json': '{"type": "module", "imports": {"#own": "./out/b.js"}}',
  'out/b.js': "import p from 'p'; import c from './deep/c.js'; export default ['b', p, c]",
  'out/deep/c.js': "import p from 'p'; import part from '@s/p/part.js'; export default ['c', p, part]",
  'out/data.json': '{"a": 1}',
  'out/scripts/package.json': '{"type": "commonjs"}',
  'out/scripts/d.js': "module.exports = 'd' + require('p')",
  'out/scripts/deep/e.js': "module.exports = 'e' + require('../d.js')",
  'out/f.mjs': "export { default } from './b.js'",
  'elsewhere.js': 'export default import.meta.url.slice(-12)',
  'node_modules/p/package.json': '{"exports": {"import": "./module.mjs", "require": "./script.cjs"}}',
  'node_modules/p/module.mjs': "export default 'module'",
  'node_modules/p/script.cjs': "module.exports = 'script'",
  'node_modules/@s/p/package.json': '{"type": "module", "exports": {"./part.js": "./part.js"}}',
  'node_modules/@s/p/part.js': "export default 'part'",
  'node_modules/@s/p/hidden.js': "export default 'hidden'",
};

test('what an application imports is what Node itself finds', (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'imports-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name, text) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  for (const [name, text] of Object.entries(FILES)) write(name, text);
  symlinkSync('../elsewhere.js', join(folder, 'out/link.js'));
  const files = Object.values(CASES).map((text, number) => {
    write(`out/case${number}.js`, text);
    return `out/case${number}.js`;
  });
  write(
    'run.mjs',
    `const [imports, ...files] = process.argv.slice(2);
     const end = imports ? (await import(imports)).findImports(${JSON.stringify(join(folder, 'out'))}, true) : () => {};
     const told = [];
     for (const file of files) {
       told.push(await import('./' + file).then((it) => it.default, (error) => [error.code, error.message]));
     }
     end();
     console.log(JSON.stringify(told));`,
  );
  const run = (imports) => {
    const { stdout, stderr } = spawnSync(process.execPath, ['run.mjs', imports, ...files], { cwd: folder, encoding: 'utf8' });
    assert.ok(stdout, stderr);
    const names = Object.keys(CASES);
    return Object.fromEntries(JSON.parse(stdout).map((told, number) => [names[number], told]));
  };
  const own = run('');
  assert.deepEqual(own['a file beside it'], ['b', 'module', ['c', 'module', 'part']]);
  assert.deepEqual(own['a link'], 'elsewhere.js');
  assert.equal(own['a package that is not there'][0], 'ERR_MODULE_NOT_FOUND');
  assert.deepEqual(run(pathToFileURL(IMPORTS).href), own);
});

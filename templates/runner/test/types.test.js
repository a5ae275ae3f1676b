import assert from 'node:assert/strict';
import { existsSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Application } from './application.js';

/** Compiles nothing, since what is compiled is JavaScript already. */
const SWC = "exports.transform = async (text) => ({ code: text, map: '{}' });";
/** Checks for ever, and tells its process. */
const TSC = `
const fs = require('node:fs');
fs.appendFileSync(__dirname + '/begun', process.pid + '\\n');
setInterval(() => {}, 1000);
`;
const FILES = {
  'tsconfig.json': '{}',
  'node_modules/@swc/core/index.js': SWC,
  'node_modules/typescript/bin/tsc': TSC,
  'node_modules/typescript/package.json': '{"type": "commonjs"}',
  'src/main.ts': 'setInterval(() => {}, 1000);\n',
};

test('a check of types ends when a file changes, and the next one begins later', async (t) => {
  const app = await Application.start(t, FILES);
  const first = (await begun(app, 1))[0];
  process.kill(first, 0);
  app.write({ 'src/main.ts': 'not JavaScript\n' });
  await app.says('does not start');
  assert.throws(() => process.kill(first, 0), { code: 'ESRCH' });
  // What does not start may have types that do not fit.
  const second = (await begun(app, 2))[1];
  app.write({ 'src/main.ts': 'setInterval(() => {}, 2000);\n' });
  await app.says('reloaded in');
  assert.throws(() => process.kill(second, 0), { code: 'ESRCH' });
  await begun(app, 3);
});

/** The processes of the checks, once there were as many. */
async function begun(app, count) {
  const folder = join(app.root, 'node_modules/typescript/bin');
  const file = join(folder, 'begun');
  const changes = watch(folder);
  try {
    for (;;) {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
      if (lines.length >= count) return lines.map(Number);
      await new Promise((resolve) => changes.once('change', resolve));
    }
  } finally {
    changes.close();
  }
}

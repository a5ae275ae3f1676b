import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { readProject } from '../project.js';
import { folder } from './folder.js';

test('compiled files find the packages of the application, and those of its workspace', (t) => {
  const root = folder(t, {
    'package.json': { workspaces: ['apps/*'] },
    'yarn.lock': '',
    'node_modules/common/index.js': '',
    'apps/api/package.json': {},
    'apps/api/src/main.ts': '',
    'apps/api/node_modules/own/index.js': '',
  });
  const api = join(root, 'apps/api');
  const mirror = join(folder(t, { app: null }), 'app');
  const project = readProject(api, {}, mirror);
  project.prepareMirror();
  // A second start finds what the first one left.
  project.prepareMirror();
  const { resolve } = createRequire(join(mirror, 'dist/main.js'));
  assert.equal(resolve('own'), join(api, 'node_modules/own/index.js'));
  assert.equal(resolve('common'), join(root, 'node_modules/common/index.js'));
  assert.ok(project.isPackageFile(join(root, 'yarn.lock')));
  assert.ok(project.isPackageFile(join(api, 'package.json')));
  rmSync(join(root, 'node_modules'), { recursive: true });
  project.prepareMirror();
  assert.deepEqual(readdirSync(join(mirror, '..')), ['app']);
});

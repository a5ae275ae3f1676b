import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isPlugAndPlay, whoInstalls } from '../managers.js';
import { folder } from './folder.js';

const CLASSIC = '# yarn lockfile v1\n\n\na@1:\n  version "1.0.0"\n';
const BERRY = '# This file is generated\n\n__metadata:\n  version: 8\n';

const CASES = {
  'nothing is npm': [{}, 'npm', null],
  'package-lock.json': [{ 'package-lock.json': {} }, 'npm', 'package-lock.json'],
  'a shrinkwrap counts before it': [{ 'package-lock.json': {}, 'npm-shrinkwrap.json': {} }, 'npm', 'npm-shrinkwrap.json'],
  'pnpm-lock.yaml': [{ 'pnpm-lock.yaml': '' }, 'pnpm', 'pnpm-lock.yaml'],
  'the old yarn.lock': [{ 'yarn.lock': CLASSIC }, 'yarn', 'yarn.lock'],
  'the new yarn.lock': [{ 'yarn.lock': BERRY }, 'yarn-berry', 'yarn.lock'],
  'the new yarn.lock of Windows': [{ 'yarn.lock': BERRY.replaceAll('\n', '\r\n') }, 'yarn-berry', 'yarn.lock'],
  'bun.lock': [{ 'bun.lock': '{}' }, 'bun', 'bun.lock'],
  'bun.lockb': [{ 'bun.lockb': '\0' }, 'bun', 'bun.lockb'],
  'of several, what package.json says': [
    { 'package.json': { packageManager: 'yarn@1.22.22' }, 'package-lock.json': {}, 'yarn.lock': CLASSIC },
    'yarn',
    'yarn.lock',
  ],
  'or what its engines say': [
    { 'package.json': { devEngines: { packageManager: [{ name: 'bun' }] } }, 'package-lock.json': {}, 'bun.lock': '{}' },
    'bun',
    'bun.lock',
  ],
  'or what is installed': [
    { 'package-lock.json': {}, 'pnpm-lock.yaml': '', 'node_modules/.pnpm/lock.yaml': '' },
    'pnpm',
    'pnpm-lock.yaml',
  ],
  'or the first of the table': [{ 'pnpm-lock.yaml': '', 'yarn.lock': CLASSIC }, 'pnpm', 'pnpm-lock.yaml'],
  'a single lock file counts, whatever is said': [
    { 'package.json': { packageManager: 'pnpm@10.0.0' }, 'package-lock.json': {} },
    'npm',
    'package-lock.json',
  ],
  'without a lock file what is said': [{ 'package.json': { packageManager: 'pnpm@10.0.0+sha512.ab' } }, 'pnpm', null],
  'an old version': [{ 'package.json': { packageManager: 'yarn@1.22.22' } }, 'yarn', null],
  'a new version': [{ 'package.json': { packageManager: 'yarn@4.1.0' } }, 'yarn-berry', null],
  'no version, but settings': [
    { 'package.json': { devEngines: { packageManager: { name: 'yarn' } } }, '.yarnrc.yml': '' },
    'yarn-berry',
    null,
  ],
  'without a lock file what is installed': [{ 'node_modules/.yarn-integrity': '{}' }, 'yarn', null],
  'somebody unknown': [{ 'package.json': { packageManager: 'cnpm@1' }, 'yarn.lock': CLASSIC }, 'yarn', 'yarn.lock'],
  'a package.json that is broken': [{ 'package.json': '{', 'yarn.lock': CLASSIC }, 'yarn', 'yarn.lock'],
};

for (const [name, [files, manager, lock]] of Object.entries(CASES)) {
  test(`who installs: ${name}`, (t) => {
    const root = folder(t, files);
    const found = whoInstalls(root);
    assert.deepEqual([found.folder, found.manager.name, found.lock], [root, manager, lock]);
  });
}

test('the lock file of a workspace lies above its applications', (t) => {
  const root = folder(t, {
    'pnpm-lock.yaml': '',
    'pnpm-workspace.yaml': 'packages: [apps/*]\n',
    'apps/api/package.json': {},
    'apps/own/package-lock.json': {},
    'npm/package.json': { workspaces: ['apps/*'], packageManager: 'yarn@4.0.0' },
    'npm/package-lock.json': {},
    'npm/yarn.lock': BERRY,
    'npm/apps/api/package.json': {},
  });
  const found = (path) => {
    const { folder, manager, lock } = whoInstalls(join(root, path));
    return [folder, manager.name, lock];
  };
  assert.deepEqual(found('apps/api'), [root, 'pnpm', 'pnpm-lock.yaml']);
  assert.deepEqual(found('apps/own'), [join(root, 'apps/own'), 'npm', 'package-lock.json']);
  assert.deepEqual(found('npm/apps/api'), [join(root, 'npm'), 'yarn-berry', 'yarn.lock']);
  // A lock file that merely lies there is not the application's.
  const other = folder(t, { 'package-lock.json': {}, 'package.json': {}, 'api/package.json': {} });
  assert.equal(whoInstalls(join(other, 'api')).lock, null);
});

test("Plug'n'Play is known by Yarn's settings, and else by the lack of node_modules", (t) => {
  const cases = [
    [{}, true],
    [{ 'node_modules/a/package.json': {} }, false],
    [{ '.yarnrc.yml': 'nodeLinker: node-modules\n' }, false],
    [{ '.yarnrc.yml': 'enableScripts: true\nnodeLinker: "pnp" # as ever\n', 'node_modules/a/package.json': {} }, true],
  ];
  for (const [files, expected] of cases) {
    assert.equal(isPlugAndPlay(folder(t, { 'yarn.lock': BERRY, ...files })), expected);
    assert.equal(isPlugAndPlay(folder(t, { 'yarn.lock': CLASSIC, ...files })), false);
  }
});

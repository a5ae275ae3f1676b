import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { install, packageState } from '../packages.js';
import { folder, write } from './folder.js';

const CLASSIC = '# yarn lockfile v1\n';
const BERRY = '\n__metadata:\n  version: 8\n';
const MODULES = { '.yarnrc.yml': 'nodeLinker: node-modules\n' };

/** What an install runs, where only these programs are there. `yarn` tells its version. */
async function runs(t, files, programs, { lockChanged = true, version = '1.22.22' } = {}) {
  const root = folder(t, files);
  const bin = folder(t, {});
  const told = join(bin, 'told');
  for (const program of programs) {
    const script = `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\necho "${program} $*" > ${told}\n`;
    write(bin, { [program]: script }, 0o755);
  }
  const path = process.env.PATH;
  process.env.PATH = bin;
  try {
    return (await install(root, lockChanged)) ?? readFileSync(told, 'utf8').trim().replaceAll(root, 'ROOT');
  } finally {
    process.env.PATH = path;
  }
}

test('each lock file is installed from as it is, and a changed package.json changes it', async (t) => {
  const cases = [
    ['npm', { 'package-lock.json': {} }, 'npm ci --no-audit --no-fund', 'npm install --no-audit --no-fund'],
    [
      'pnpm',
      { 'pnpm-lock.yaml': '' },
      'pnpm install --frozen-lockfile --config.confirmModulesPurge=false',
      'pnpm install --no-frozen-lockfile --config.confirmModulesPurge=false',
    ],
    ['yarn', { 'yarn.lock': CLASSIC }, 'yarn install --frozen-lockfile --non-interactive', 'yarn install --non-interactive'],
    ['yarn', { 'yarn.lock': BERRY, ...MODULES }, 'yarn install --immutable', 'yarn install --no-immutable', '4.1.0'],
    ['bun', { 'bun.lock': '{}' }, 'bun install --frozen-lockfile', 'bun install'],
  ];
  for (const [program, files, frozen, loose, version] of cases) {
    assert.equal(await runs(t, files, [program], { version }), frozen);
    assert.equal(await runs(t, files, [program], { version, lockChanged: false }), loose);
  }
  assert.equal(await runs(t, {}, ['npm']), 'npm install --no-audit --no-fund');
});

test('a manager that is not in the image comes by Corepack, or is named', async (t) => {
  const pnpm = { 'pnpm-lock.yaml': '' };
  const arguments_ = 'install --frozen-lockfile --config.confirmModulesPurge=false';
  assert.equal(await runs(t, pnpm, ['corepack', 'npm']), `corepack pnpm ${arguments_}`);
  assert.equal(await runs(t, pnpm, ['npm']), 'pnpm is not in the image');
  assert.equal(await runs(t, { 'bun.lock': '{}' }, ['corepack']), 'bun is not in the image');
  // The old Yarn is no help with the lock file of a new one, nor the other way round.
  const berry = { 'yarn.lock': BERRY, ...MODULES };
  assert.equal(await runs(t, berry, ['yarn']), 'yarn 2 or newer is not in the image');
  assert.equal(await runs(t, berry, ['yarn', 'corepack']), 'corepack yarn@stable install --immutable');
  const said = { ...berry, 'package.json': { packageManager: 'yarn@4.1.0' } };
  assert.equal(await runs(t, said, ['yarn', 'corepack']), 'corepack yarn install --immutable');
  assert.equal(await runs(t, { 'yarn.lock': CLASSIC }, ['yarn'], { version: '4.1.0' }), 'yarn is not in the image');
  const release = 'require("fs").writeFileSync(process.env.PATH + "/told", process.argv.slice(2).join(" "))';
  const own = { ...berry, '.yarnrc.yml': 'nodeLinker: node-modules\nyarnPath: .yarn/own.cjs\n', '.yarn/own.cjs': release };
  assert.equal(await runs(t, own, []), 'install --immutable');
});

test('what cannot be installed in place says why', async (t) => {
  assert.match(await runs(t, { 'yarn.lock': BERRY }, ['yarn']), /^Yarn's Plug'n'Play has no node_modules/);
  const failing = folder(t, { 'bun.lock': '{}' });
  const bin = folder(t, {});
  write(bin, { bun: '#!/bin/sh\necho one; echo two >&2; exit 3\n' }, 0o755);
  const path = process.env.PATH;
  process.env.PATH = bin;
  const trouble = await install(failing, true);
  process.env.PATH = path;
  assert.match(trouble, /^bun install ended with 3: (one; two|two; one)$/);
});

test('pnpm finds the place again that its packages came from', async (t) => {
  const files = {
    'pnpm-lock.yaml': '',
    'node_modules/.modules.yaml': '{\n  "nodeLinker": "isolated",\n  "storeDir": "/root/pnpm/store/v10"\n}',
  };
  assert.match(await runs(t, files, ['pnpm']), / --store-dir=\/root\/pnpm\/store$/);
});

test('a workspace is installed as a whole', async (t) => {
  const root = folder(t, { 'package.json': { workspaces: ['apps/*'] }, 'package-lock.json': {}, 'apps/api/package.json': {} });
  const bin = folder(t, {});
  write(bin, { npm: `#!/bin/sh\npwd > ${bin}/told\n` }, 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${bin}:${path}`;
  assert.equal(await install(join(root, 'apps/api'), true), null);
  process.env.PATH = path;
  assert.equal(readFileSync(join(bin, 'told'), 'utf8').trim(), root);
});

test('what decides about packages is told from what does not', (t) => {
  const root = folder(t, { 'package.json': { version: '1.0.0', dependencies: { a: '1' } } });
  let last = packageState(root);
  const changes = (files) => {
    write(root, files);
    const now = packageState(root);
    const changed = ['manifest', 'lock'].filter((key) => now[key] !== last[key]);
    last = now;
    return changed.join(' and ');
  };
  assert.equal(changes({ 'package.json': { version: '1.0.1', scripts: { a: 'b' }, dependencies: { a: '1' } } }), '');
  assert.equal(changes({ 'package.json': { dependencies: { a: '2' } } }), 'manifest');
  assert.equal(changes({ 'package.json': { dependencies: { a: '2' }, resolutions: { b: '1' } } }), 'manifest');
  for (const lock of ['package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock', 'pnpm-lock.yaml', 'bun.lock', 'bun.lockb']) {
    assert.equal(changes({ [lock]: '{}' }), 'lock', lock);
  }
  for (const settings of ['.yarnrc.yml', 'pnpm-workspace.yaml']) {
    assert.equal(changes({ [settings]: 'a: b\n' }), 'manifest', settings);
  }
  // What lies above counts where it is the same workspace.
  mkdirSync(join(root, 'apps/api'), { recursive: true });
  const before = packageState(join(root, 'apps/api'));
  write(root, { 'yarn.lock': '# other' });
  assert.notEqual(packageState(join(root, 'apps/api')).lock, before.lock);
});

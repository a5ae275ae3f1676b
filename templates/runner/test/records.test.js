import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { outOfDate } from '../records.js';
import { folder, write } from './folder.js';

/** What is wrong once the record, or what is installed, is one of these. */
function check(t, files, lock, cases) {
  const root = folder(t, { 'package.json': { dependencies: { a: '1', '@s/b': '1' } }, ...files });
  for (const [installed, reason] of cases) {
    write(root, installed);
    assert.deepEqual(outOfDate(root), reason && { lock, reason }, JSON.stringify(installed));
  }
}

test('npm: packages are compared with the lock file by their versions', (t) => {
  const packages = {
    '': { version: '0.0.1' },
    lib: { version: '1.0.0' },
    'node_modules/lib': { resolved: 'lib', link: true },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/a/node_modules/b': { version: '2.0.0' },
    'node_modules/tool': { version: '1.0.0', dev: true },
    'node_modules/other-system': { version: '1.0.0', optional: true },
  };
  const record = (more) => ({
    'node_modules/.package-lock.json': { packages: { 'node_modules/a': { version: '1.0.0' }, ...more } },
  });
  const b = (version) => ({ 'node_modules/a/node_modules/b': { version } });
  check(t, { 'package-lock.json': { packages } }, 'package-lock.json', [
    [{}, null],
    [{ 'node_modules/a/package.json': {} }, null],
    [record(b('2.0.0')), null],
    [record(b('1.9.0')), 'a/node_modules/b 1.9.0 instead of 2.0.0'],
    [record({ ...b('2.0.0'), 'node_modules/tool': { version: '0.9.0' } }), 'tool 0.9.0 instead of 1.0.0'],
    [record({}), 'a/node_modules/b is missing'],
    [{ 'node_modules/.package-lock.json': '{' }, null],
  ]);
  const root = folder(t, {
    'package.json': { workspaces: ['apps/*'] },
    'package-lock.json': { packages: { ...packages, 'apps/api/node_modules/c': { version: '1.0.0' } } },
    'apps/api/package.json': { dependencies: { a: '1' } },
    'apps/api/src/main.js': '',
  });
  const api = join(root, 'apps/api');
  const inWorkspace = (more) => {
    write(root, record(more));
    return outOfDate(api);
  };
  // Others' packages may be missing.
  assert.equal(inWorkspace({}), null);
  assert.deepEqual(inWorkspace({ 'apps/api/node_modules/c': { version: '0.1.0' } }), {
    lock: '../../package-lock.json',
    reason: 'apps/api/node_modules/c 0.1.0 instead of 1.0.0',
  });
});

test('pnpm: the lock file is compared with the one of what is installed', (t) => {
  const lock = (...keys) =>
    `lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      a:\n        version: 1.0.0\n\npackages:\n\n${keys
      .map((key) => `  ${key}:\n    resolution: {integrity: sha512-x==}\n    engines: {node: '>=18'}\n\n`)
      .join('')}snapshots:\n\n  a@0.0.0:\n    dependencies:\n      c: 1.0.0\n`;
  const record = (...keys) => ({ 'node_modules/.pnpm/lock.yaml': lock(...keys) });
  const b = "'@s/b@1.0.0'";
  const cases = [
    [{ 'node_modules/.modules.yaml': '{}' }, null],
    [record('a@1.0.0', b, 'c@2.0.0'), null],
    // Less than all is installed for production, and more does no harm.
    [record('a@1.0.0', b, 'gone@1.0.0'), null],
    [record('a@0.9.0', b), 'a 0.9.0 instead of 1.0.0'],
    [record('a@1.0.0', b, 'c@1.0.0'), 'c 1.0.0 instead of 2.0.0 or 3.0.0'],
    [record('a@1.0.0'), '@s/b is missing'],
  ];
  check(t, { 'pnpm-lock.yaml': lock('a@1.0.0', b, 'c@2.0.0', 'c@3.0.0', 'linux@1.0.0') }, 'pnpm-lock.yaml', cases);
  // As older versions write them.
  check(t, { 'pnpm-lock.yaml': lock('/a@1.0.0', '/@s/b@1.0.0(a@1.0.0)') }, 'pnpm-lock.yaml', [
    [record('/a@1.0.0', '/@s/b@1.0.0(a@1.0.0)'), null],
    [record('/a@0.9.0', '/@s/b@1.0.0(a@0.9.0)'), 'a 0.9.0 instead of 1.0.0'],
  ]);
  check(t, { 'pnpm-lock.yaml': lock('/a/1.0.0', '/@s/b/1.0.0') }, 'pnpm-lock.yaml', [
    [record('/a/1.0.0', '/@s/b/0.9.0'), '@s/b 0.9.0 instead of 1.0.0'],
  ]);
});

test('Yarn 1: the lock file is compared with its record of what is installed', (t) => {
  const url = (name, version) => `https://registry.yarnpkg.com/${name}/-/${name.split('/').pop()}-${version}.tgz#abc${version}`;
  const entry = (patterns, name, version) => `${patterns}:\n  version "${version}"\n  resolved "${url(name, version)}"\n\n`;
  const lock = `# yarn lockfile v1\n\n\n${entry('"@s/b@^1.0.0", "@s/b@>= 1 < 2"', '@s/b', '1.0.0')}${entry('a@1', 'a', '1.0.0')}"c@file:./c":\n  version "1.0.0"\n`;
  const record = (entries) => ({ 'node_modules/.yarn-integrity': { lockfileEntries: entries } });
  const right = { '@s/b@^1.0.0': url('@s/b', '1.0.0'), '@s/b@>= 1 < 2': url('@s/b', '1.0.0'), 'a@1': url('a', '1.0.0'), 'c@file:./c': '' };
  check(t, { 'yarn.lock': lock }, 'yarn.lock', [
    [{ 'node_modules/a/package.json': {} }, null],
    [record(right), null],
    [record({ ...right, 'd@1': url('d', '1.0.0') }), null],
    [record({ ...right, 'a@1': url('a', '0.9.0-rc.1') }), 'a 0.9.0-rc.1 instead of 1.0.0'],
    [record({ ...right, '@s/b@^1.0.0': url('@s/b', '0.9.0') }), '@s/b 0.9.0 instead of 1.0.0'],
    [record({ '@s/b@^1.0.0': right['@s/b@^1.0.0'] }), 'a is missing'],
  ]);
  check(t, { 'yarn.lock': lock.replaceAll('\n', '\r\n') }, 'yarn.lock', [
    [record(right), null],
    [record({ ...right, 'a@1': url('a', '0.9.0') }), 'a 0.9.0 instead of 1.0.0'],
  ]);
});

test('Yarn 2 and newer: the lock file is compared with its state of node_modules', (t) => {
  const entry = (locator) => `"${locator.split('#')[0]}":\n  version: 1\n  resolution: "${locator}"\n  linkType: hard\n\n`;
  const patched = (version) =>
    `typescript@patch:typescript@npm%3A${version}#optional!builtin<compat/typescript>::version=${version}&hash=8c6c40`;
  const locators = ['a@npm:1.0.0', '@s/b@npm:1.0.0', 'typescript@npm:5.6.2', patched('5.6.2'), 'linux@npm:1.0.0', 'x@workspace:.'];
  const lock = `# This file is generated\n\n__metadata:\n  version: 8\n\n${locators.map(entry).join('')}`;
  const record = (...installed) => ({
    'node_modules/.yarn-state.yml': `# Warning\n\n__metadata:\n  version: 1\n\n${installed
      .map((locator) => `"${locator}":\n  locations:\n    - "node_modules/x"\n\n`)
      .join('')}`,
  });
  const b = '@s/b@virtual:25221c#npm:1.0.0';
  const cases = [
    [record('a@npm:1.0.0', b, patched('5.6.2'), 'x@workspace:.'), null],
    [record('a@npm:1.0.0', b, 'gone@npm:1.0.0'), null],
    [record('a@npm:0.9.0', b), 'a 0.9.0 instead of 1.0.0'],
    [record('a@npm:1.0.0', '@s/b@virtual:25221c#npm:0.9.0'), '@s/b 0.9.0 instead of 1.0.0'],
    [record('a@npm:1.0.0', b, patched('5.5.0')), 'typescript 5.5.0 instead of 5.6.2'],
    [record(b), 'a is missing'],
  ];
  check(t, { 'yarn.lock': lock }, 'yarn.lock', cases);
  const plugAndPlay = { 'yarn.lock': lock, '.yarnrc.yml': 'nodeLinker: pnp\n' };
  check(t, plugAndPlay, 'yarn.lock', [[record('a@npm:0.9.0', b), null]]);
});

test('bun: the packages that all can see are compared with the lock file', (t) => {
  const lock = `{
  "lockfileVersion": 1,
  "workspaces": { "": { "dependencies": { "a": "1", "@s/b": "1", }, }, },
  "packages": {
    "a": ["a@1.0.0", "", { "dependencies": { "c": "1" } }, "sha512-x=="],
    "@s/b": ["@s/b@1.0.0", "", {}, "sha512-x=="],
    "a/c": ["c@2.0.0", "", {}, "sha512-x=="],
    "lib": ["lib@workspace:lib"],
    "linux": ["linux@1.0.0", "", { "os": "linux" }, "sha512-x=="],
  }
}`;
  const have = (name, version) => ({ [`node_modules/${name}/package.json`]: { version } });
  check(t, { 'bun.lock': lock }, 'bun.lock', [
    [{ ...have('a', '1.0.0'), ...have('@s/b', '1.0.0'), ...have('lib', '0.1.0'), ...have('a/node_modules/c', '1.0.0') }, null],
    [have('linux', '0.9.0'), 'linux 0.9.0 instead of 1.0.0'],
    [{ ...have('linux', '1.0.0'), ...have('@s/b', '0.9.0') }, '@s/b 0.9.0 instead of 1.0.0'],
    [{ 'node_modules/@s/b/package.json': '' }, '@s/b is missing'],
  ]);
  check(t, { 'bun.lockb': '\0' }, 'bun.lockb', [[have('a', '0.9.0'), null]]);
});

test('a volume that nothing was installed into is empty, whoever installs', (t) => {
  for (const lock of ['package-lock.json', 'yarn.lock', 'pnpm-lock.yaml', 'bun.lock', 'bun.lockb']) {
    check(t, { [lock]: '', 'node_modules/x': '' }, lock, [[{}, null]]);
    const root = folder(t, { 'package.json': { dependencies: { a: '1' } }, [lock]: '', node_modules: null });
    assert.deepEqual(outOfDate(root), { lock, reason: 'node_modules is empty' });
    write(root, { 'package.json': {} });
    assert.equal(outOfDate(root), null);
  }
  // Packages may be elsewhere.
  check(t, { 'yarn.lock': '' }, 'yarn.lock', [[{}, null]]);
});

// Who installs a project's packages, and from where: by its lock files, its package.json, and what
// is installed. The table is managers.json, which devstack itself reads as well.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The package managers, in the order in which lock files count that lie side by side. */
export const MANAGERS = JSON.parse(readFileSync(new URL('./managers.json', import.meta.url), 'utf8'));

const NPM = MANAGERS[0];
const LOCK_FILES = new Set(MANAGERS.flatMap(({ locks }) => locks));
const SETTINGS = MANAGERS.flatMap(({ settings }) => settings);

/** Files beside a package.json that decide what is installed. */
export const PACKAGE_FILES = ['package.json', ...LOCK_FILES, ...SETTINGS];

/**
 * Who installs the packages of the application at `root`.
 * @returns `{ folder, manager, lock, said }`: where it installs from, a row of the table, the name
 * of its lock file or `null`, and what package.json says of the manager, or `null`
 */
export function whoInstalls(root) {
  const folder = packageFolder(root);
  const text = (name) => readText(join(folder, name));
  const taken = new Set();
  const found = [];
  for (const manager of MANAGERS) {
    const lock = manager.locks.find((name) => !taken.has(name) && existsSync(join(folder, name)));
    if (lock === undefined || (manager.lock_has && !text(lock).includes(manager.lock_has))) continue;
    // Both kinds of Yarn have the same name for it.
    taken.add(lock);
    found.push({ manager, lock });
  }
  const said = saidBy(readManifest(folder)) ?? saidBy(readManifest(root));
  const { manager, lock } = choose(found, said, folder);
  return { folder, manager, lock, said };
}

/**
 * What package.json says counts where several lock files lie side by side, or none; a single one
 * is what the packages are from.
 */
function choose(found, said, folder) {
  if (found.length === 1) return found[0];
  const wanted = said && managerOf(said, folder);
  if (found.length === 0) return { manager: wanted ?? installedBy(folder, MANAGERS) ?? NPM, lock: null };
  return (
    found.find(({ manager }) => manager.program === wanted?.program) ??
    found.find(({ manager }) => installedBy(folder, [manager])) ??
    found[0]
  );
}

/** What a package.json says of who installs it: `{ name, version }`, or `null`. */
function saidBy({ packageManager, devEngines }) {
  const [, name, version = ''] = /^([a-z]+)(?:@([^+]+))?/.exec(packageManager ?? '') ?? [];
  if (name) return { name, version };
  const engine = [devEngines?.packageManager ?? []].flat()[0];
  return engine?.name ? { name: engine.name, version: engine.version ?? '' } : null;
}

function managerOf({ name, version }, folder) {
  const isOfAge = ({ since = 0 }) => {
    const major = /\d+/.exec(version)?.[0];
    return since === 0 || (major ? Number(major) >= since : existsSync(join(folder, '.yarnrc.yml')));
  };
  return MANAGERS.find((manager) => manager.program === name && isOfAge(manager));
}

function installedBy(folder, managers) {
  return managers.find(({ record }) => record && existsSync(join(folder, record)));
}

/**
 * The folder that packages are installed from: the application's own, or the one above it whose
 * workspace it belongs to, where that can be seen.
 */
export function packageFolder(root) {
  const hasLock = (folder) => [...LOCK_FILES].some((name) => existsSync(join(folder, name)));
  if (hasLock(root)) return root;
  for (let folder = dirname(root); folder !== dirname(folder); folder = dirname(folder)) {
    const isWorkspace = existsSync(join(folder, 'pnpm-workspace.yaml')) || readManifest(folder).workspaces;
    if (isWorkspace && hasLock(folder)) return folder;
  }
  return root;
}

/**
 * How Yarn 2 and newer lays packages out: `node-modules`, `pnpm` or `pnp`. Its settings may be
 * missing where its packages are.
 */
export function yarnLinker(folder) {
  const said = process.env.YARN_NODE_LINKER ?? yarnSetting(folder, 'nodeLinker');
  return said ?? (existsSync(join(folder, 'node_modules')) ? 'node-modules' : 'pnp');
}

/** Whether the application at `root` has no node_modules: Yarn's Plug'n'Play. */
export function isPlugAndPlay(root) {
  const { folder, manager } = whoInstalls(root);
  return manager.name === 'yarn-berry' && yarnLinker(folder) === 'pnp';
}

/** A value of `.yarnrc.yml`, where Yarn's settings are, or `null`. */
export function yarnSetting(folder, name) {
  return new RegExp(`^${name}:\\s*["']?([^"'\\s#]+)`, 'm').exec(readText(join(folder, '.yarnrc.yml')))?.[1] ?? null;
}

/** A package.json, empty where there is none that can be read. */
export function readManifest(folder) {
  try {
    return JSON.parse(readText(join(folder, 'package.json'))) ?? {};
  } catch {
    return {};
  }
}

/** The text of a file with plain line ends, empty where there is none. */
export function readText(file) {
  try {
    return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  } catch {
    return '';
  }
}

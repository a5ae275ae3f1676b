// What is installed, against what the lock file says: a volume of packages may be older than it.
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isPlugAndPlay, readManifest, readText, whoInstalls } from './managers.js';

/**
 * What is installed that the lock file has otherwise, by the package manager's own record of it.
 * @returns `{ lock, reason }`, the lock file as seen from `root`; `null` when nothing is known to
 * be wrong
 */
export function outOfDate(root) {
  const { folder, manager, lock } = whoInstalls(root);
  if (lock === null || isPlugAndPlay(root)) return null;
  const manifest = readManifest(root);
  const context = {
    folder,
    lock: readText(join(folder, lock)),
    record: manager.record && readText(join(folder, manager.record)),
    // What is for development only is not installed everywhere, nor are other systems' packages.
    needed: Object.keys(manifest.dependencies ?? {}),
    // Some images hold the packages of one application of several.
    isWorkspace: folder !== root || Boolean(manifest.workspaces),
  };
  const reason = isEmpty(folder, context) ? 'node_modules is empty' : READERS[manager.name](context);
  return reason && { lock: relative(root, join(folder, lock)), reason };
}

/** A volume that nothing was installed into. Without any folder the packages are elsewhere. */
function isEmpty(folder, { needed }) {
  const modules = join(folder, 'node_modules');
  return needed.length > 0 && existsSync(modules) && readdirSync(modules).length === 0;
}

/** How the lock file and the record of each manager are compared. */
const READERS = {
  npm({ lock, record, needed, isWorkspace }) {
    const wanted = json(lock).packages;
    const installed = json(record).packages;
    if (!wanted || !installed) return null;
    for (const [path, { version, link, optional, dev, devOptional, peer }] of Object.entries(wanted)) {
      if (!/(^|\/)node_modules\//.test(path) || link) continue;
      const have = installed[path];
      const name = path.replace(/^node_modules\//, '');
      const may = optional || dev || devOptional || peer || (isWorkspace && !needed.includes(name));
      if (!have && !may) return `${name} is missing`;
      if (have && have.version !== version) return `${name} ${have.version} instead of ${version}`;
    }
    return null;
  },

  pnpm({ lock, record, needed }) {
    const packages = (text) => {
      const found = new Versions();
      const [, rest = ''] = text.split(/^packages:$/m);
      const [block] = rest.split(/^(?=\S)/m, 1);
      for (const [, key] of block.matchAll(/^ {2}'?(\S+?)'?:(?: \{\})?$/gm)) {
        // `/name/1.0.0` and `/name@1.0.0(peer@2.0.0)` in older files.
        const [, name, version] = /^\/?((?:@[^/]+\/)?[^/@]+)[@/]([^(]+)/.exec(key) ?? [];
        if (name) found.add(name, version, version);
      }
      return found;
    };
    return record ? differences(packages(lock), packages(record), needed) : null;
  },

  yarn({ lock, record, needed }) {
    const entries = json(record).lockfileEntries;
    if (!entries) return null;
    const wanted = new Versions();
    const block = /^(\S.*):\n {2}version "(.*)"(?:\n {2}resolved "(.*)")?/gm;
    for (const [, patterns, version, resolved = ''] of lock.matchAll(block)) {
      for (const [pattern] of patterns.matchAll(/[^",\s][^",]*/g)) {
        wanted.add(nameIn(pattern), resolved, version);
      }
    }
    const installed = new Versions();
    for (const [pattern, resolved] of Object.entries(entries)) {
      const version = /-(\d[^/]*?)\.tgz/.exec(resolved)?.[1] ?? resolved;
      installed.add(nameIn(pattern), resolved, version);
    }
    return differences(wanted, installed, needed);
  },

  'yarn-berry'({ lock, record, needed }) {
    const locators = (text, line) => {
      const found = new Versions();
      for (const [, locator] of text.matchAll(line)) {
        // The same package once for each set of peers.
        const plain = locator.replace(/@virtual:[^#]*#/, '@');
        const version = /::version=([^&]+)/.exec(plain)?.[1] ?? plain.slice(plain.lastIndexOf(':') + 1);
        found.add(nameIn(plain), plain, version);
      }
      return found;
    };
    if (!record) return null;
    return differences(locators(lock, /^ {2}resolution: "(.*)"$/gm), locators(record, /^"(.*)":$/gm), needed);
  },

  // It leaves no record: what counts are the packages themselves, those that all can see.
  bun({ folder, lock, needed }) {
    const { packages } = json(lock.replace(/,(?=\s*[}\]])/g, ''));
    if (!packages) return null;
    for (const [name, [locator]] of Object.entries(packages)) {
      const version = locator.slice(nameIn(locator).length + 1);
      if (!/^(@[^/]+\/)?[^/]+$/.test(name) || !/^\d/.test(version)) continue;
      const have = readManifest(join(folder, 'node_modules', name)).version;
      if (have && have !== version) return `${name} ${have} instead of ${version}`;
      if (!have && needed.includes(name)) return `${name} is missing`;
    }
    return null;
  },
};

/** Packages by their names, and which of each: what tells them apart, and what a person is shown. */
class Versions extends Map {
  add(name, id, shown) {
    const versions = this.get(name) ?? new Map();
    this.set(name, versions.set(id, shown));
  }
}

/** A package that the lock file does not know any more does no harm. */
function differences(wanted, installed, needed) {
  for (const [name, versions] of installed) {
    const right = wanted.get(name);
    const wrong = right && [...versions].find(([id]) => !right.has(id));
    if (wrong) return `${name} ${wrong[1]} instead of ${[...new Set(right.values())].join(' or ')}`;
  }
  const missing = needed.find((name) => wanted.has(name) && !installed.has(name));
  return missing ? `${missing} is missing` : null;
}

/** The name in `name@1.0.0`, which may begin with an `@` of its own. */
function nameIn(text) {
  const at = text.indexOf('@', 1);
  return at < 0 ? text : text.slice(0, at);
}

/** A file that is broken says nothing. */
function json(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

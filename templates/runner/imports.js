// Finds what the application's own modules import, without asking the file system for each: a
// folder is read once, and a package is found in the same place from all of them. Node does the
// rest, and all that is out of the ordinary.
import { readdirSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { dirname, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const PACKAGE = /^(?:@[^/:]+\/)?[^./#:@][^:]*$/;
const RELATIVE = /^\.\.?\/[^?#%\\]+\.m?js$/;

/**
 * Finds imports between the modules below a folder, which nobody changes meanwhile.
 * @param isModule whether a `.js` file of the folder is a module, as the package above it says
 * @returns what ends it
 */
export function findImports(folder, isModule) {
  // Older versions of Node let hooks see too little, or too much.
  if (!module.registerHooks || Number.parseInt(process.versions.node, 10) < 24) return () => {};
  if (realpathSync(folder) !== folder) return () => {};
  const within = `${pathToFileURL(folder).href}/`;
  const folders = new Map();
  const packages = new Map();
  const hooks = module.registerHooks({
    resolve(specifier, context, next) {
      const { parentURL } = context;
      if (!parentURL?.startsWith(within)) return next(specifier, context);
      if (RELATIVE.test(specifier)) {
        const url = new URL(specifier, parentURL);
        if (!isThere(url)) return next(specifier, context);
        // Node would look for the package that each file belongs to.
        const format = isModule || url.pathname.endsWith('.mjs') ? 'module' : undefined;
        return { url: url.href, format, shortCircuit: true };
      }
      if (!PACKAGE.test(specifier) || Object.keys(context.importAttributes ?? {}).length > 0) {
        return next(specifier, context);
      }
      // A module and a script may get different files of one package.
      const key = `${context.conditions} ${specifier}`;
      let found = packages.get(key);
      if (!found) {
        const { url, format } = next(specifier, context);
        found = { url, format, shortCircuit: true };
        packages.set(key, found);
      }
      return found;
    },
  });

  function isThere(url) {
    if (!url.href.startsWith(within)) return false;
    const file = fileURLToPath(url);
    const at = dirname(file);
    return filesIn(at)?.has(file.slice(at.length + sep.length)) ?? false;
  }

  /** `null` where a package.json, there or above, makes rules of its own, which Node knows. */
  function filesIn(at) {
    let names = folders.get(at);
    if (names === undefined) {
      names = at === folder || filesIn(dirname(at)) ? namesIn(at) : null;
      if (names?.has('package.json')) names = null;
      folders.set(at, names);
    }
    return names;
  }

  return () => hooks.deregister();
}

function namesIn(folder) {
  let entries = [];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    // Node says what is wrong with it.
  }
  return new Set(entries.filter((entry) => entry.isFile()).map((entry) => entry.name));
}

// What is installed, and how to install it in place.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Packages that change others while those are loaded, and so must come first. Where the
 * application has one, nothing is loaded ahead of it.
 */
const MUST_COME_FIRST =
  /^(@opentelemetry\/|dd-trace$|newrelic$|elastic-apm-node$|@sentry\/|applicationinsights$|appdynamics$|@google-cloud\/trace-agent$|module-alias$|source-map-support$)/;

/** How each lock file is installed from. */
const INSTALLERS = [
  ['package-lock.json', ['npm', 'ci', '--no-audit', '--no-fund']],
  ['npm-shrinkwrap.json', ['npm', 'ci', '--no-audit', '--no-fund']],
  ['pnpm-lock.yaml', ['pnpm', 'install', '--frozen-lockfile']],
  ['yarn.lock', ['yarn', 'install']],
];

/** The packages to load ahead, and the one that forbids it. */
export function preloadable(project) {
  const forbidden = project.dependencies.find((name) => MUST_COME_FIRST.test(name)) ?? null;
  const packages = forbidden ? [] : project.dependencies.filter((name) => !name.startsWith('@types/'));
  return { packages, forbidden };
}

/** A text that changes when something else has to be installed. */
export function packageState(root) {
  const hash = createHash('sha1');
  try {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    // Scripts and descriptions install nothing.
    const { type, dependencies, devDependencies, optionalDependencies, overrides } = manifest;
    hash.update(JSON.stringify([type, dependencies, devDependencies, optionalDependencies, overrides]));
  } catch {
    hash.update('none');
  }
  for (const [lock] of INSTALLERS) {
    const file = join(root, lock);
    hash.update(`\0${existsSync(file) ? readFileSync(file, 'utf8') : ''}`);
  }
  return hash.digest('base64');
}

/**
 * What is installed that the lock file has otherwise, by npm's own record of it: a volume of
 * packages may be older than the lock file. `null` when nothing is known to be wrong.
 */
export function outOfDate(root) {
  const read = (file) => {
    try {
      return JSON.parse(readFileSync(join(root, file), 'utf8')).packages ?? null;
    } catch {
      return null;
    }
  };
  const wanted = read('package-lock.json') ?? read('npm-shrinkwrap.json');
  const installed = read('node_modules/.package-lock.json');
  if (!wanted || !installed) return null;
  for (const [path, { version, link, optional, dev, devOptional, peer }] of Object.entries(wanted)) {
    if (!path.startsWith('node_modules/') || link) continue;
    const have = installed[path];
    const name = path.slice('node_modules/'.length);
    // Not everything is installed everywhere.
    if (!have && !(optional || dev || devOptional || peer)) return `${name} is missing`;
    if (have && have.version !== version) return `${name} ${have.version} instead of ${version}`;
  }
  return null;
}

/**
 * Installs what the project's files say.
 * @returns `null`, or why it could not be done
 */
export async function install(root, lockChanged) {
  const modules = join(root, 'node_modules');
  try {
    accessSync(existsSync(modules) ? modules : root, constants.W_OK);
  } catch {
    return `this user may not write ${modules}`;
  }
  const found = INSTALLERS.find(([lock]) => existsSync(join(root, lock)));
  let command = found?.[1] ?? ['npm', 'install', '--no-audit', '--no-fund'];
  // `npm ci` insists on a lock file that fits.
  if (command[0] === 'npm' && !lockChanged) command = ['npm', 'install', '--no-audit', '--no-fund'];
  return run(command, root);
}

function run([program, ...rest], cwd) {
  return new Promise((resolve) => {
    const child = spawn(program, rest, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        process.stdout.write(text);
        output = (output + text).slice(-4096);
      });
    }
    child.on('error', (error) => resolve(`${program} cannot be started: ${error.message}`));
    child.on('close', (code) => {
      const last = output.trim().split('\n').slice(-3).join('; ');
      resolve(code === 0 ? null : `${program} ${rest[0]} ended with ${code}: ${last}`);
    });
  });
}

// What the project's files say is to be installed, and how that is done in place.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import {
  isPlugAndPlay,
  MANAGERS,
  packageFolder,
  readManifest,
  readText,
  whoInstalls,
  yarnLinker,
  yarnSetting,
} from './managers.js';

/**
 * Packages that change others while those are loaded, and so must come first. Where the
 * application has one, nothing is loaded ahead of it.
 */
const MUST_COME_FIRST =
  /^(@opentelemetry\/|dd-trace$|newrelic$|elastic-apm-node$|@sentry\/|applicationinsights$|appdynamics$|@google-cloud\/trace-agent$|module-alias$|source-map-support$)/;

/** What a package.json says of packages. Scripts and descriptions install nothing. */
const SAYS_PACKAGES = [
  'type',
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'overrides',
  'resolutions',
  'pnpm',
  'workspaces',
];

/** The packages to load ahead, and the one that forbids it. */
export function preloadable(project) {
  const forbidden = project.dependencies.find((name) => MUST_COME_FIRST.test(name)) ?? null;
  const packages = forbidden ? [] : project.dependencies.filter((name) => !name.startsWith('@types/'));
  return { packages, forbidden };
}

/** Two texts that change when something else has to be installed: `{ manifest, lock }`. */
export function packageState(root) {
  const folder = packageFolder(root);
  const manifests = [...new Set([folder, root])].map((at) => {
    const manifest = readManifest(at);
    return JSON.stringify(SAYS_PACKAGES.map((key) => manifest[key]));
  });
  const files = (key) => [...new Set(MANAGERS.flatMap((manager) => manager[key]))];
  const texts = (names) => names.map((name) => readText(join(folder, name)));
  return {
    manifest: digest([...manifests, ...texts(files('settings'))]),
    lock: digest(texts(files('locks'))),
  };
}

function digest(texts) {
  return createHash('sha1').update(texts.join('\0')).digest('base64');
}

/**
 * Installs what the project's files say, as the lock file has it when that is what changed.
 * @returns `null`, or why it could not be done
 */
export async function install(root, lockChanged) {
  const { folder, manager, lock, said } = whoInstalls(root);
  if (isPlugAndPlay(root)) return "Yarn's Plug'n'Play has no node_modules to install into";
  const modules = join(folder, 'node_modules');
  try {
    accessSync(existsSync(modules) ? modules : folder, constants.W_OK);
  } catch {
    return `this user may not write ${modules}`;
  }
  const program = await programOf(manager, folder, said);
  if (program === null) return `${titleOf(manager)} is not in the image`;
  // A frozen install insists on a lock file that fits.
  const how = lock !== null && lockChanged ? manager.frozen : manager.loose;
  const command = [...program, ...how, ...manager.quiet, ...storeOf(manager, folder)];
  // Yarn's settings may not be in the container; without them it would throw node_modules away.
  const env = manager.name === 'yarn-berry' ? { YARN_NODE_LINKER: yarnLinker(folder) } : {};
  const { code, output } = await run(command, folder, { env, echo: true });
  if (code === 0) return null;
  if (code === null) return `${program[0]} cannot be started: ${output}`;
  const lines = output.split('\n').map((line) => line.trim());
  return `${manager.program} ${how[0]} ended with ${code}: ${lines.filter(Boolean).slice(-3).join('; ')}`;
}

/** A manager as a person calls it. */
function titleOf({ program, since }) {
  return since ? `${program} ${since} or newer` : program;
}

/**
 * What to begin its command line with: Yarn's release that is in the project, the program of the
 * image, or Corepack, which gets the one that package.json says.
 */
async function programOf(manager, folder, said) {
  const isBerry = manager.name === 'yarn-berry';
  const release = isBerry ? yarnSetting(folder, 'yarnPath') : null;
  if (release && existsSync(join(folder, release))) return [process.execPath, join(folder, release)];
  if (isOnPath(manager.program) && (await isOfAge(manager, folder))) return [manager.program];
  if (!isOnPath('corepack') || !['pnpm', 'yarn'].includes(manager.program)) return null;
  const version = isBerry && said?.name !== 'yarn' ? '@stable' : '';
  return ['corepack', `${manager.program}${version}`];
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Old and new Yarn have one name, and neither reads the other's lock file without rewriting it. */
async function isOfAge({ program, since = 0 }, folder) {
  if (program !== 'yarn') return true;
  const { code, output } = await run([program, '--version'], folder);
  return code === 0 && Number.parseInt(output, 10) >= 2 === since >= 2;
}

/**
 * Where pnpm keeps packages. It insists on the place that those which are there came from, which
 * with a volume it would not find again; left to itself it would choose one in the sources.
 */
function storeOf(manager, folder) {
  if (manager.name !== 'pnpm') return [];
  const modules = join(folder, 'node_modules');
  const known = /"?storeDir"?: "?([^",\n]+)/.exec(readText(join(modules, '.modules.yaml')))?.[1];
  if (known) return [`--store-dir=${known.replace(/\/v\d+$/, '')}`];
  const isVolume = readText('/proc/self/mountinfo').includes(` ${modules} `);
  return isVolume ? [`--store-dir=${join(modules, '.pnpm-store')}`] : [];
}

/** Runs a program to its end: `{ code, output }`, without a code when it cannot be started. */
function run([program, ...rest], cwd, { env = {}, echo = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, rest, {
      cwd,
      // Corepack would ask before it fetches a package manager.
      env: { ...process.env, COREPACK_ENABLE_DOWNLOAD_PROMPT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        if (echo) process.stdout.write(text);
        output = (output + text).slice(-4096);
      });
    }
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

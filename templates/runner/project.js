// What there is to run: the entry, the folders of its sources, and where compiled files go.
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { PACKAGE_FILES, packageFolder } from './managers.js';
import { parseJsonc, readTsconfig } from './tsconfig.js';

const TYPESCRIPT = /\.[cm]?tsx?$/;
const DECLARATION = /\.d\.[cm]?ts$/;
const TEST = /\.(spec|test|e2e-spec)\.[cm]?[jt]sx?$/;
const CODE = /\.([cm]?[jt]sx?|json|node|wasm)$/;
/** What editors write beside the file they save. */
const TEMPORARY = /(~|\.sw[a-z]|\.tmp|___jb_tmp___|___jb_old___)$|^(4913|\.#.*|#.*#)$/;
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'build', 'coverage']);

/** Tried in this order when nothing names the entry. */
const ENTRIES = [
  'src/main.ts',
  'src/index.ts',
  'src/server.ts',
  'src/app.ts',
  'index.ts',
  'server.ts',
  'src/main.js',
  'src/index.js',
  'index.js',
  'server.js',
  'app.js',
];

/** A project that cannot be run as it is described: the message says what to change. */
export class ProjectError extends Error {}

/**
 * Reads a project.
 * @param root the application's folder
 * @param settings `{ entry, paths }` of the service's `reload`
 * @param outFolder where compiled files may go
 */
export function readProject(root, settings, outFolder) {
  const manifest = readJson(join(root, 'package.json')) ?? {};
  const nest = readJson(join(root, 'nest-cli.json'));
  const entry = resolve(root, settings.entry ?? findEntry(root, manifest, nest));
  if (!existsSync(entry)) throw new ProjectError(`there is no ${relative(root, entry)} to run`);
  const compiled = TYPESCRIPT.test(entry);
  const sourceRoot = sourceRootOf(root, entry);
  const paths = (settings.paths?.length ? settings.paths : [sourceRoot]).map((path) => resolve(root, path));
  const tsconfigFile = ['tsconfig.json', 'tsconfig.build.json']
    .map((name) => join(root, name))
    .find((file) => compiled && existsSync(file));
  const { options, files: tsconfigFiles } = tsconfigFile
    ? readTsconfig(tsconfigFile)
    : { options: {}, files: [] };
  const outDir = relative(root, options.outDir ?? join(root, 'dist'));
  const rootDir = options.rootDir ?? commonFolder(paths);
  const out = join(outFolder, outDir.startsWith('..') || outDir === '' ? 'dist' : outDir);
  const project = new Project({
    root,
    packageFolder: packageFolder(root),
    manifest,
    entry,
    compiled,
    paths,
    tsconfigFile,
    options,
    rootDir,
    mirror: outFolder,
    out,
    isModule: manifest.type === 'module',
    settingFiles: [...tsconfigFiles, join(root, 'nest-cli.json'), join(root, '.swcrc')],
  });
  if (compiled && relative(rootDir, entry).startsWith('..')) {
    throw new ProjectError(
      `${relative(root, entry)} is outside the rootDir of tsconfig.json, ${relative(root, rootDir)}`,
    );
  }
  return project;
}

export class Project {
  constructor(fields) {
    Object.assign(this, fields);
  }

  /** The file that Node runs. */
  get main() {
    return this.compiled ? this.outputOf(this.entry) : this.entry;
  }

  /** Where the compiled (or copied) form of a source goes. */
  outputOf(source) {
    const file = join(this.out, relative(this.rootDir, source));
    if (!this.isTypeScript(source)) return file;
    const extension = extname(file);
    return file.slice(0, -extension.length) + extension.replace(/tsx?$/, 'js');
  }

  isTypeScript(file) {
    return TYPESCRIPT.test(file) && !DECLARATION.test(file);
  }

  /** Whether a change of this file is one of the application. */
  isSource(file) {
    const name = basename(file);
    if (TEMPORARY.test(name) || DECLARATION.test(name) || TEST.test(name)) return false;
    if (!this.paths.some((path) => file === path || file.startsWith(path + sep))) return false;
    if (relative(this.root, dirname(file)).split(sep).some((part) => SKIPPED_FOLDERS.has(part) || part.startsWith('.'))) {
      return false;
    }
    // Beside the sources an application may write what it likes.
    return CODE.test(name) || !this.paths.includes(this.root);
  }

  isSkippedFolder(name) {
    return SKIPPED_FOLDERS.has(name) || name.startsWith('.');
  }

  isPackageFile(file) {
    return [this.root, this.packageFolder].includes(dirname(file)) && PACKAGE_FILES.includes(basename(file));
  }

  isSettingFile(file) {
    return this.settingFiles.includes(file);
  }

  /** Whether a place in this file is the developer's own. */
  owns(file) {
    return (
      !file.includes(`${sep}node_modules${sep}`) &&
      (this.isCompiled(file) || (file.startsWith(this.root + sep) && existsSync(file)))
    );
  }

  isCompiled(file) {
    return this.compiled && file.startsWith(this.out + sep);
  }

  /** A path as a person writes it. */
  shown(file) {
    const path = relative(this.root, file);
    return path.startsWith('..') ? file : path;
  }

  /** The packages that the application says it needs. */
  get dependencies() {
    return Object.keys(this.manifest.dependencies ?? {});
  }

  /**
   * Makes the folder of the compiled files look like the application's own: everything at its
   * root is a link, so that packages and files beside the sources are found from there.
   */
  prepareMirror() {
    if (!this.compiled) return;
    mkdirSync(this.out, { recursive: true });
    const own = relative(this.mirror, this.out).split(sep)[0];
    const wanted = new Set(readdirSync(this.root).filter((name) => name !== own));
    for (const name of readdirSync(this.mirror)) {
      const isLink = lstatSync(join(this.mirror, name)).isSymbolicLink();
      if (isLink && !wanted.has(name)) rmSync(join(this.mirror, name));
      wanted.delete(name);
    }
    for (const name of wanted) symlinkSync(join(this.root, name), join(this.mirror, name));
    this.#linkPackagesAbove();
  }

  /** What a workspace has in common lies above its applications. */
  #linkPackagesAbove() {
    const link = join(dirname(this.mirror), 'node_modules');
    rmSync(link, { force: true });
    for (let folder = dirname(this.root); folder !== dirname(folder); folder = dirname(folder)) {
      const modules = join(folder, 'node_modules');
      if (existsSync(modules)) return symlinkSync(modules, link);
    }
  }
}

function readJson(file) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  return parseJsonc(text, file);
}

function findEntry(root, manifest, nest) {
  if (nest) {
    const folder = nest.sourceRoot ?? 'src';
    const name = nest.entryFile ?? 'main';
    const file = [`${name}.ts`, `${name}.js`, name].map((it) => join(folder, it)).find((it) => existsSync(join(root, it)));
    if (file) return file;
  }
  const found = ENTRIES.find((name) => existsSync(join(root, name)));
  if (found) return found;
  if (manifest.main && existsSync(join(root, manifest.main))) return manifest.main;
  throw new ProjectError('nothing says which file to run: write `reload: {entry: FILE}`');
}

/** `src` for `src/api/main.ts`; the folder itself for a file at the root. */
function sourceRootOf(root, entry) {
  return relative(root, entry).split(sep).slice(0, -1)[0] ?? '.';
}

function commonFolder(paths) {
  let common = paths[0];
  while (!paths.every((path) => path === common || path.startsWith(common + sep))) common = dirname(common);
  return common;
}

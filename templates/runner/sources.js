// The application's files: which changed, and their compiled form.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A file that is being written may be empty for a moment. */
const HALF_WRITTEN_MS = 10;
const HALF_WRITTEN_LOOKS = 4;

export class Sources {
  #project;
  #compiler;
  /** What the compiled files were made from: path to `{ size, time, hash }`. */
  #made = new Map();
  /** Changed since, and not compiled (well) yet. */
  #changed = new Set();

  constructor(project, compiler) {
    this.#project = project;
    this.#compiler = compiler;
  }

  /** Everything counts as changed: the settings of the compiler are others now. */
  forget() {
    for (const path of this.#made.keys()) this.#changed.add(path);
    this.#made.clear();
  }

  /** Whether the compiled files are what the sources say. */
  get isCurrent() {
    return this.#changed.size === 0;
  }

  /** All files, as they are now. */
  list() {
    const found = new Map();
    for (const path of this.#project.paths) this.#walk(path, found);
    return found;
  }

  /**
   * Notes what changed.
   * @param paths files or folders that may have; all when absent
   * @returns the changes since the files were last compiled: `[{ path, kind }]`
   */
  async notice(paths) {
    if (paths === undefined) {
      const found = this.list();
      for (const [path, { size, time }] of found) {
        const known = this.#made.get(path);
        if (!known || known.size !== size || known.time !== time) this.#changed.add(path);
      }
      for (const path of this.#made.keys()) if (!found.has(path)) this.#changed.add(path);
    } else {
      for (const path of paths) this.#note(path);
    }
    const changes = [];
    for (const path of [...this.#changed].sort()) {
      const kind = await this.#kind(path);
      if (kind) changes.push({ path, kind });
      else this.#changed.delete(path);
    }
    return changes;
  }

  /** Compiles changes and puts the result in place: all of it, or nothing when one fails. */
  async compile(changes) {
    const results = await Promise.all(changes.map((change) => this.#compileOne(change)));
    for (const { path, output, code, map, facts } of results) {
      if (facts === null) {
        this.#made.delete(path);
        if (output) for (const file of [output, `${output}.map`]) rmSync(file, { force: true });
      } else {
        if (map !== undefined) replace(`${output}.map`, map);
        if (output) replace(output, code);
        this.#made.set(path, facts);
      }
      this.#changed.delete(path);
    }
  }

  async #compileOne({ path, kind }) {
    const project = this.#project;
    const output = project.compiled ? project.outputOf(path) : null;
    const read = kind === 'removed' ? null : readWhole(path);
    if (read === null) return { path, output, facts: null };
    const { content, facts } = read;
    if (!output) return { path, output, facts };
    if (!project.isTypeScript(path)) return { path, output, code: content, facts };
    const { code, map } = await this.#compiler.compile(path, content.toString('utf8'));
    const name = output.slice(output.lastIndexOf(sep) + 1);
    return { path, output, code: `${code}\n//# sourceMappingURL=${name}.map\n`, map, facts };
  }

  #note(path) {
    const stat = statOrNull(path);
    if (stat?.isDirectory()) {
      const found = new Map();
      this.#walk(path, found);
      for (const file of found.keys()) this.#changed.add(file);
      return;
    }
    if (this.#project.isSource(path)) this.#changed.add(path);
    // A folder that is gone takes its files with it.
    if (!stat) for (const known of this.#made.keys()) if (known.startsWith(path + sep)) this.#changed.add(known);
  }

  /** What became of a file by its content; `null` when nothing did. */
  async #kind(path) {
    const known = this.#made.get(path);
    let read = readWhole(path);
    for (let look = 0; read?.facts.size === 0 && known?.size !== 0 && look < HALF_WRITTEN_LOOKS; look += 1) {
      await pause(HALF_WRITTEN_MS);
      read = readWhole(path);
    }
    if (!read) return known ? 'removed' : null;
    if (!known) return 'created';
    if (known.hash !== read.facts.hash) return 'modified';
    this.#made.set(path, read.facts);
    return null;
  }

  #walk(folder, found, depth = 0) {
    let entries;
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) {
      const path = join(folder, entry.name);
      // A folder behind a link may be a loop, so that depth has an end.
      const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && statOrNull(path)?.isDirectory());
      if (isFolder) {
        if (depth < 30 && !this.#project.isSkippedFolder(entry.name)) this.#walk(path, found, depth + 1);
      } else if (this.#project.isSource(path)) {
        const stat = statOrNull(path);
        if (stat?.isFile()) found.set(path, { size: stat.size, time: stat.mtimeMs });
      }
    }
  }
}

/** Content and facts of a file; `null` when there is none. */
function readWhole(path) {
  const stat = statOrNull(path);
  if (!stat?.isFile()) return null;
  try {
    const content = readFileSync(path);
    const hash = createHash('sha1').update(content).digest('base64');
    return { content, facts: { size: content.length, time: stat.mtimeMs, hash } };
  } catch {
    return null;
  }
}

function statOrNull(path) {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

/** Nobody ever reads half a file. */
function replace(file, content) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.new`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

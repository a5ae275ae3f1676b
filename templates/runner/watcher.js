// Sees files change from within the container, where its file system tells of it.
import { readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

/** A change is told after this much quiet, */
const QUIET_MS = 15;
/** but never later than this after the first. */
const LONGEST_MS = 300;

export class Watcher {
  #project;
  #onChange;
  #onTrouble;
  #watched = new Map();
  #changed = new Set();
  #first = 0;
  #timer = null;

  constructor(project, { onChange, onTrouble }) {
    this.#project = project;
    this.#onChange = onChange;
    this.#onTrouble = onTrouble;
  }

  get isRunning() {
    return this.#watched.size > 0;
  }

  start() {
    for (const path of this.#project.paths) this.#watch(path);
    // The files at the root that decide how everything is compiled and what is installed.
    this.#watch(this.#project.root, true);
    this.#watch(this.#project.packageFolder, true);
  }

  stop() {
    for (const watcher of this.#watched.values()) watcher.close();
    this.#watched.clear();
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#changed.clear();
  }

  #watch(folder, flat = false) {
    if (this.#watched.has(folder)) return;
    let watcher;
    try {
      watcher = watch(folder, (_event, name) => this.#seen(folder, name));
    } catch (error) {
      if (error.code === 'ENOSPC' || error.code === 'EMFILE') {
        this.#onTrouble(
          'the system allows no more file watches (sysctl fs.inotify.max_user_watches, ' +
            'fs.inotify.max_user_instances): some changes are not seen',
        );
      }
      return;
    }
    // The folder is gone.
    watcher.on('error', () => this.#forget(folder));
    this.#watched.set(folder, watcher);
    if (flat) return;
    let entries = [];
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      // The folder is gone already.
    }
    for (const entry of entries) {
      if (entry.isDirectory() && !this.#project.isSkippedFolder(entry.name)) {
        this.#watch(join(folder, entry.name));
      }
    }
  }

  #forget(folder) {
    this.#watched.get(folder)?.close();
    this.#watched.delete(folder);
  }

  #seen(folder, name) {
    if (name === null) return;
    const path = join(folder, name);
    const project = this.#project;
    const isFlat = folder === project.root || folder === project.packageFolder;
    const below = !isFlat || project.paths.includes(folder);
    if (below && !project.isSkippedFolder(name)) {
      // A new folder is watched before its files are looked at, so that none is missed.
      this.#forget(path);
      if (isFolder(path)) this.#watch(path);
    } else if (!project.isPackageFile(path) && !project.isSettingFile(path)) {
      return;
    }
    this.#changed.add(path);
    const now = Date.now();
    if (this.#timer === null) this.#first = now;
    clearTimeout(this.#timer);
    const wait = Math.max(0, Math.min(QUIET_MS, this.#first + LONGEST_MS - now));
    this.#timer = setTimeout(() => this.#tell(), wait);
  }

  #tell() {
    this.#timer = null;
    const paths = [...this.#changed];
    this.#changed.clear();
    this.#onChange(paths);
  }
}

function isFolder(path) {
  try {
    readdirSync(path);
    return true;
  } catch {
    return false;
  }
}

// Checks types beside the running application. What it finds never delays a reload.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { complain, say } from './log.js';

/** The application starts first, and a person saves more than once. */
const QUIET_MS = 1_000;
const NICE = 15;
const MOST_SHOWN = 5;

export class Types {
  #project;
  #runFolder;
  #tell;
  #timer = null;
  #child = null;
  #last = '[]';

  constructor(project, runFolder, tell) {
    this.#project = project;
    this.#runFolder = runFolder;
    this.#tell = tell;
  }

  /** Checks soon; a check under way is out of date. */
  soon() {
    this.stop();
    this.#timer = setTimeout(() => this.#check(), QUIET_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  #check() {
    const { root, tsconfigFile } = this.#project;
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    if (!tsconfigFile || !existsSync(compiler)) return;
    const child = spawn(
      process.execPath,
      [
        compiler,
        ...['--noEmit', '--pretty', 'false', '--incremental'],
        ...['--tsBuildInfoFile', join(this.#runFolder, 'types.tsbuildinfo')],
        ...['--project', tsconfigFile],
      ],
      { cwd: root, stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, NODE_OPTIONS: '' } },
    );
    this.#child = child;
    child.on('error', () => {});
    try {
      setPriority(child.pid, NICE);
    } catch {
      // It runs all the same.
    }
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('close', () => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#found(parseTypeErrors(output, root));
    });
  }

  #found(errors) {
    const now = JSON.stringify(errors);
    if (now === this.#last) return;
    this.#last = now;
    this.#tell({ type: 'types', errors });
    if (errors.length === 0) {
      say('no type errors');
      return;
    }
    for (const { file, line, column, message } of errors.slice(0, MOST_SHOWN)) {
      complain(`type error: ${this.#project.shown(file)}:${line}:${column}: ${message}`);
    }
    if (errors.length > MOST_SHOWN) complain(`and ${errors.length - MOST_SHOWN} more type errors`);
  }
}

/** The errors in what `tsc --pretty false` prints. */
export function parseTypeErrors(output, root) {
  const errors = [];
  for (const line of output.split(/\r?\n/)) {
    const found = /^(.+?)\((\d+),(\d+)\): error (TS\d+: .*)$/.exec(line);
    if (!found) continue;
    const [, file, row, column, message] = found;
    errors.push({ file: resolve(root, file), line: Number(row), column: Number(column), message });
  }
  return errors;
}

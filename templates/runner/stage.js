// The versions of the application: the one that serves, the one that is about to, and a spare
// process that has loaded the packages already.
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Door } from './door.js';
import { preloadable } from './packages.js';
import { say } from './log.js';
import { Worker } from './worker.js';

/** A first version that listens nowhere by then is none that listens. */
const FIRST_LISTEN_MS = 5_000;
/** A later version is to listen where the one before did. */
const LISTEN_MS = 30_000;
/** It may have given up one of several ports. */
const OTHER_PORTS_MS = 2_000;
/** A version of something that listens nowhere has started when it is still there. */
const SETTLED_MS = 300;
/** A version whose event loop does not turn for as long is not waited for, but ended. */
const BARRIER_MS = 2_000;
/** A new version has the machine to itself for as long: the next spare is not in a hurry. */
const SETTLING_MS = 150;
/** The packages are there by then, or are loaded by the application itself. */
const WARM_MS = 15_000;
/** The version before has this long after SIGTERM. */
const RETIRE_MS = 5_000;

export class Stage {
  #options;
  #folder;
  #project;
  #spare = null;
  #soon = null;
  #doors = new Map();
  /** Where the last version that started listens. */
  #ports = null;
  /** Whether two versions at the same time turned out not to be possible. */
  #exclusive = false;
  #onCrash;
  live = null;
  candidate = null;
  #retiring = new Set();

  constructor(options, folder, onCrash) {
    this.#options = options;
    this.#folder = folder;
    this.#onCrash = onCrash;
  }

  /** Takes (changed) settings of the project; a spare of the old ones is of no use. */
  prepare(project) {
    this.#project = project;
    this.discardSpare();
  }

  /** Has a process ready for the next version, once the first requests for this one are through. */
  warmSpareSoon() {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.warmSpare(), SETTLING_MS);
  }

  /** Has a process ready for the next version. */
  warmSpare() {
    clearTimeout(this.#soon);
    if (this.#spare || !this.#project) return;
    const project = this.#project;
    const { packages, forbidden } = this.#options.preload ? preloadable(project) : { packages: [] };
    if (forbidden && !this.saidForbidden) {
      this.saidForbidden = true;
      say(`no package is loaded ahead, since ${forbidden} must be the first`);
    }
    // Nobody waits for what comes after the first: its packages are compiled whole, not by and by.
    const nodeOptions = packages.length > 0 && this.#ports !== null ? ['--no-lazy'] : [];
    const worker = new Worker({ root: project.root, env: environment(), nodeOptions });
    this.#spare = worker;
    // It is resolved from the application's folder, as the application's own imports are.
    const file = join(project.compiled ? project.mirror : this.#folder, '.devstack-packages.mjs');
    if (packages.length > 0) {
      rmSync(file, { force: true });
      writeFileSync(file, loader(project));
    }
    worker.warm(file, packages);
  }

  discardSpare() {
    clearTimeout(this.#soon);
    this.#spare?.kill();
    this.#spare = null;
  }

  /**
   * Starts the next version and lets it take over.
   * @returns `{ startMs }`, `{ failure: { message, text, lines } }`, or `null` when aborted
   */
  async start(abort) {
    const begun = performance.now();
    const old = this.live;
    const overlap = old !== null && this.#options.overlap && !this.#exclusive;
    if (old && !overlap) await this.#retire(old);
    const worker = await this.#take(abort);
    if (!worker) return null;
    this.candidate = worker;
    this.#attend(worker);
    const serving = this.live;
    worker.go({
      main: this.#project.main,
      modules: this.#project.compiled ? this.#project.out : null,
      isModule: this.#project.isModule,
      inspect: serving ? null : this.#options.inspect,
      cacheFolder: join(this.#folder, 'code'),
      ports: [...this.#doors].filter(([, door]) => door.isOpen).map(([port]) => port),
    });
    const failure = await this.#started(worker, abort);
    this.candidate = null;
    if (abort.aborted || failure) {
      worker.kill();
      await worker.exited;
      this.#closeUnused();
      if (abort.aborted) return null;
      if (overlap && serving && isTaken(failure)) {
        this.#exclusive = true;
        say('two versions cannot run at the same time here: the old one stops first from now on');
        return this.start(abort);
      }
      return { failure };
    }
    await this.#takeOver(worker);
    return { startMs: performance.now() - begun };
  }

  /** Ends everything: no new connection, SIGTERM, and SIGKILL after the time given. */
  async stop(graceMs) {
    for (const door of this.#doors.values()) door.close();
    this.discardSpare();
    this.candidate?.kill();
    const { live } = this;
    this.live = null;
    const outcome = live ? live.stop(graceMs).then(() => live.exited) : null;
    for (const worker of this.#retiring) worker.kill();
    return outcome;
  }

  /** Connections wait, for a version that is about to come. */
  hold() {
    for (const door of this.#doors.values()) door.hold();
  }

  /** Connections are refused: there is nobody to wait for. */
  refuse() {
    for (const door of this.#doors.values()) door.close();
    this.#doors.clear();
  }

  async #take(abort) {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      this.warmSpare();
      const spare = this.#spare;
      await Promise.race([spare.warmed, pause(WARM_MS), aborted(abort)]);
      if (abort.aborted) return null;
      this.#spare = null;
      if (!spare.isGone) return spare;
      // A package ended the process: from now on the application loads them itself.
      say('a package ended the process that loaded it ahead: no package is loaded ahead any more');
      this.#options.preload = false;
    }
    return new Worker({ root: this.#project.root, env: environment() });
  }

  /** Answers what a worker asks for as long as it lives. */
  #attend(worker) {
    worker.on('listen', async ({ number, port, address }) => {
      let door = this.#doors.get(port);
      if (!door) {
        door = new Door(port, address, this.#options.hold_ms);
        this.#doors.set(port, door);
      }
      const errno = await door.open();
      if (errno) this.#doors.delete(port);
      worker.answer(number, errno);
    });
    worker.on('listens', (port) => {
      if (worker === this.live) this.#doors.get(port)?.lead(worker);
    });
    worker.on('closed', (port) => {
      if (worker !== this.live) return;
      const door = this.#doors.get(port);
      // The next version counts on what was open when it was told to go.
      if (this.candidate) return void door?.hold();
      door?.close();
      this.#doors.delete(port);
    });
    worker.on('lost', (port, handle) => {
      const door = this.#doors.get(port);
      // Whoever is next may have it.
      if (worker === this.live) door?.hold();
      if (door) door.arrive(handle);
      else handle.close();
    });
    worker.on('back', (port, handle) => {
      const door = this.#doors.get(port);
      if (door) door.arrive(handle);
      else handle.close();
    });
    worker.once('exit', (outcome) => {
      if (worker !== this.live) return;
      this.live = null;
      this.hold();
      // Whatever it started ends with it.
      worker.kill();
      this.#onCrash(worker, outcome);
    });
  }

  /** Resolves with nothing when the version has started, else with why it has not. */
  #started(worker, abort) {
    const expected = this.#ports;
    return new Promise((resolve) => {
      let timer;
      const after = (ms, what) => {
        clearTimeout(timer);
        timer = setTimeout(what, ms);
      };
      const end = (failure) => {
        clearTimeout(timer);
        worker.removeListener('listens', listens);
        worker.removeListener('exit', gone);
        abort.removeEventListener('abort', stopped);
        resolve(failure);
      };
      const listens = () => {
        if (!expected || [...expected].every((port) => worker.ports.has(port))) end();
        else after(OTHER_PORTS_MS, () => end());
      };
      const gone = (outcome) => end(failureOf(worker, outcome));
      const stopped = () => end();
      worker.on('listens', listens);
      worker.once('exit', gone);
      abort.addEventListener('abort', stopped);
      if (expected === null) after(FIRST_LISTEN_MS, () => end());
      else if (expected.size === 0) after(SETTLED_MS, () => end());
      else after(LISTEN_MS, () => end(silent(worker, expected)));
      if (worker.isGone) worker.exited.then(gone);
      if (abort.aborted) stopped();
    });
  }

  async #takeOver(worker) {
    const old = this.live;
    if (old) {
      this.hold();
      this.#retiring.add(old);
      // From here on its end is no crash.
      this.live = null;
      const drained = once(old, 'drained');
      old.drain();
      const passed = await Promise.race([once(old, 'barrier'), old.exited, pause(BARRIER_MS)]);
      if (!passed) old.kill();
      void this.#end(old, drained);
    }
    this.live = worker;
    this.#ports = new Set(worker.ports);
    for (const port of worker.ports) this.#doors.get(port)?.lead(worker);
    this.#closeUnused();
    if (old && this.#options.inspect) worker.inspect(this.#options.inspect);
  }

  /** Stops the version that serves before the next one starts; connections wait meanwhile. */
  async #retire(old) {
    this.hold();
    this.#retiring.add(old);
    this.live = null;
    const drained = once(old, 'drained');
    old.drain();
    await this.#end(old, drained);
  }

  /** Requests under way end first: a SIGTERM may take away what they need. */
  async #end(old, drained) {
    await Promise.race([drained, old.exited, pause(this.#options.grace_ms)]);
    old.giveWay();
    await old.stop(RETIRE_MS);
    this.#retiring.delete(old);
  }

  #closeUnused() {
    for (const [port, door] of this.#doors) {
      if (this.live?.ports.has(port)) continue;
      if (!this.live && this.#ports?.has(port)) continue;
      door.close();
      this.#doors.delete(port);
    }
  }
}

function environment() {
  const {
    DEVSTACK_RUNNER_OPTIONS: _options,
    DEVSTACK_RUNNER_FOLDER: _folder,
    DEVSTACK_RUNNER_HOLD: _hold,
    ...env
  } = process.env;
  // The debugger's port is the application's, not that of each process.
  if (env.NODE_OPTIONS) env.NODE_OPTIONS = env.NODE_OPTIONS.replace(/--inspect\S*/g, '').trim();
  return env;
}

/** A module that loads packages the way the application does. */
function loader(project) {
  if (project.isModule) return 'export const load = (name) => import(name);\n';
  const from = JSON.stringify(join(project.root, 'package.json'));
  return (
    "import { createRequire } from 'node:module';\n" +
    `const require = createRequire(${from});\n` +
    'export const load = async (name) => require(name);\n'
  );
}

function failureOf(worker, { code, signal, failure }) {
  const { error, lines } = worker;
  const ended = failure ?? (signal ? `ended by ${signal}` : `ended with exit code ${code}`);
  const said = lines.findLast((line) => /\S/.test(line) && !/^\s*(at |Node\.js v|\}|\^)/.test(line));
  const message = error ? firstLine(error.message) : said ? `${ended}: ${said.trim()}` : ended;
  return { message, text: error ? `${error.stack}\n${lines.join('\n')}` : lines.join('\n'), lines, error, code, signal };
}

function silent(worker, expected) {
  const message = `does not listen on port ${[...expected].join(', ')}, as the version before did`;
  return { message, text: '', lines: worker.lines, error: null };
}

function isTaken({ error, text }) {
  return error?.code === 'EADDRINUSE' || /EADDRINUSE/.test(text);
}

function firstLine(text) {
  return text.split('\n', 1)[0];
}

function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, null).unref();
  });
}

function aborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', resolve, { once: true });
  });
}

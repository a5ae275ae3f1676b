// One process of the application, seen from the runner.
import { fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));
/** Of a version that only has to end. */
const NICE = 10;
/** Lines of output that a crash is reported with. */
const LAST_LINES = 20;

/**
 * Emits `listen` ({ number, port, address }), `listens` (port), `closed` (port), `back`
 * and `lost` (port, handle), `barrier`, `drained` and `exit` ({ code, signal }).
 */
export class Worker extends EventEmitter {
  #child;
  #given = new Map();
  #numbers = 0;
  #lines = [];
  #partial = '';
  #unheard = [];
  #whenWarm;
  /** Ports on which the application listens. */
  ports = new Set();
  /** The error that ended it, when it said so: `{ message, stack, code }`. */
  error = null;
  exited = null;
  isGone = false;
  /** Whether the application's code was begun. */
  isRunning = false;

  constructor({ root, env, nodeOptions = [] }) {
    super();
    this.#child = fork(CHILD, [], {
      cwd: root,
      env,
      execArgv: nodeOptions,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A group of its own, so that what the application starts ends with it.
      detached: true,
    });
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#end({ code: 1, signal: null, failure: error.message }, resolve));
      this.#child.once('close', (code, signal) => this.#end({ code, signal }, resolve));
    });
    this.#forward(this.#child.stdout, process.stdout);
    this.#forward(this.#child.stderr, process.stderr);
    this.#whenWarm = new Promise((resolve) => {
      this.once('warm', resolve);
      this.once('exit', resolve);
    });
    // Its end is known by this before its output has been read.
    this.#child.once('disconnect', () => this.#lose());
    this.#child.on('internalMessage', (message, handle) => this.#heard(message, handle));
  }

  get pid() {
    return this.#child.pid;
  }

  /** The last lines that it wrote. */
  get lines() {
    return this.#partial ? [...this.#lines, this.#partial] : [...this.#lines];
  }

  /** Loads packages ahead; resolves when that is done, or the process is gone. */
  warm(file, packages) {
    this.#tell({ type: 'warm', file, packages });
    return this.#whenWarm;
  }

  get warmed() {
    return this.#whenWarm;
  }

  /** Runs the application: `{ main, modules, isModule, inspect, cacheFolder, ports }`. */
  go(wishes) {
    this.isRunning = true;
    this.#tell({ type: 'go', ...wishes });
  }

  /** Answers a `listen`. */
  answer(number, errno) {
    this.#tell({ type: 'listening', number, errno });
  }

  /** Hands a connection over. */
  give(port, handle) {
    if (this.isGone || !this.#child.connected) {
      this.emit('lost', port, handle);
      return;
    }
    const number = ++this.#numbers;
    this.#given.set(number, { port, handle });
    this.#tell({ type: 'connection', number, port }, handle);
  }

  /** Lets no new request begin; `barrier` follows at once, `drained` when the last one has ended. */
  drain() {
    this.#tell({ type: 'drain' });
  }

  inspect(port) {
    this.#tell({ type: 'inspect', port });
  }

  /** Leaves the machine to others first. */
  giveWay() {
    try {
      if (!this.isGone) setPriority(this.pid, NICE);
    } catch {
      // It is gone, or the system has no such thing.
    }
  }

  /** Sends a signal to the process alone. */
  signal(name) {
    if (!this.isGone) this.#child.kill(name);
  }

  /** Ends the process and whatever it has started. */
  kill() {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      this.#child.kill('SIGKILL');
    }
  }

  /** Asks it to end, and ends it when it has not after a time. Resolves when it is gone. */
  async stop(graceMs) {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.exited;
    clearTimeout(timer);
    // Its own children may be left.
    this.kill();
  }

  #tell(message, handle) {
    // Node drops messages of this kind while nobody listens.
    if (this.#unheard) {
      this.#unheard.push([message, handle]);
      return;
    }
    if (!this.#child.connected) return;
    this.#child.send({ cmd: 'NODE_DEVSTACK', ...message }, handle, undefined, () => {});
  }

  #heard(message, handle) {
    if (message.cmd !== 'NODE_DEVSTACK') return;
    const { type, number, port } = message;
    switch (type) {
      case 'taken':
      case 'refused':
        this.#given.get(number)?.handle.close();
        this.#given.delete(number);
        return;
      case 'awake': {
        const unheard = this.#unheard;
        this.#unheard = null;
        for (const [earlier, of] of unheard) this.#tell(earlier, of);
        return;
      }
      case 'back':
        this.#tell({ type: 'returned', number });
        if (handle) this.emit('back', port, handle);
        return;
      case 'listens':
        this.ports.add(port);
        this.emit('listens', port);
        return;
      case 'closed':
        this.ports.delete(port);
        this.emit('closed', port);
        return;
      case 'error':
        this.error = { message: message.message, stack: message.stack, code: message.code };
        return;
      default:
        this.emit(type, message);
    }
  }

  #forward(from, to) {
    from.setEncoding('utf8');
    from.on('data', (text) => {
      if (!to.write(text)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      const lines = (this.#partial + text).split('\n');
      // A line without end is no line to keep.
      this.#partial = lines.pop().slice(-4096);
      this.#lines = [...this.#lines, ...lines].slice(-LAST_LINES);
    });
    from.on('error', () => {});
  }

  /** What it has not taken it has not read from either. */
  #lose() {
    for (const { port, handle } of this.#given.values()) this.emit('lost', port, handle);
    this.#given.clear();
  }

  #end(outcome, resolve) {
    if (this.isGone) return;
    this.isGone = true;
    this.#lose();
    this.emit('exit', outcome);
    resolve(outcome);
  }
}

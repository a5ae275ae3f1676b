// The reload runner: the main process of the container. It compiles the application, runs it as a
// child, and puts a new version in the place of the old one when files change.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Channel } from './channel.js';
import { CompileError, loadCompiler } from './compiler.js';
import { codeFrame, ownPlace } from './frame.js';
import { Hold } from './hold.js';
import { complain, milliseconds, names, say } from './log.js';
import { readOptions } from './options.js';
import { isPlugAndPlay } from './managers.js';
import { install, packageState } from './packages.js';
import { holdFile, runFolder, socketFile } from './place.js';
import { readProject } from './project.js';
import { outOfDate } from './records.js';
import { Sources } from './sources.js';
import { Stage } from './stage.js';
import { Types } from './types.js';
import { Watcher } from './watcher.js';

const PROTOCOL = 1;
/** Pauses before the application is started again after it ended by itself. */
const BACKOFF_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** Whoever ran for as long does not count as failing again and again. */
const STEADY_MS = 10_000;
/** For longer pauses connections are refused. */
const WORTH_WAITING_MS = 2_000;
/** Left of the engine's own patience, so that it is not the one who kills. */
const STOP_RESERVE_MS = 500;

class Runner {
  #options = readOptions();
  #root = process.cwd();
  #mirror = join(runFolder, 'app');
  #project = null;
  #sources = null;
  #watcher = null;
  #types = null;
  #stage;
  #channel;
  #hold = new Hold(holdFile);
  #state = 'starting';
  #generation = 0;
  /** What is to be done next; merged until it is its turn. */
  #next = null;
  #isBusy = false;
  /** Ends the start of a version that is out of date already. */
  #abort = null;
  /** Files of reloads that were overtaken, and the newest number of their hosts. */
  #overtaken = { files: new Set(), id: null };
  #installed = null;
  #settings = null;
  #crashes = { count: 0, since: 0, timer: null };
  #isStopping = false;

  constructor() {
    this.#stage = new Stage(this.#options, runFolder, (worker, outcome) => this.#crashed(worker, outcome));
    this.#channel = new Channel({
      hello: () => ({
        type: 'hello',
        protocol: PROTOCOL,
        state: this.#state,
        generation: this.#generation,
      }),
      onMessage: (message) => this.#heard(message),
      onHosts: (count) => this.#hostsChanged(count),
    });
  }

  async run() {
    process.on('SIGTERM', () => this.#stop('SIGTERM'));
    process.on('SIGINT', () => this.#stop('SIGINT'));
    process.on('SIGHUP', () => this.#stop('SIGHUP'));
    process.on('SIGUSR2', () => this.#lookAround());
    // Whatever the application brings about must not take the runner down.
    process.on('uncaughtException', (error) => complain(`the runner itself failed: ${error.stack}`));
    process.on('unhandledRejection', (error) => complain(`the runner itself failed: ${error?.stack ?? error}`));
    mkdirSync(this.#mirror, { recursive: true });
    await this.#catchUp();
    this.#installed = packageState(this.#root);
    try {
      this.#readProject();
    } catch (error) {
      // It is told when its turn comes.
      complain(error.message);
    }
    await this.#channel.listen(socketFile).catch((error) => complain(`no control channel: ${error.message}`));
    const { reason } = this.#hold;
    if (reason !== null) await this.#waitAtTheDoor(reason);
    this.#watchMyself();
    this.#request({ force: true });
  }

  /** The lock file may have changed while nothing ran. */
  async #catchUp() {
    if (isPlugAndPlay(this.#root)) {
      complain("this is Yarn's Plug'n'Play, and reloads need node_modules: write `nodeLinker: node-modules` into .yarnrc.yml");
    }
    const found = outOfDate(this.#root);
    if (!found) return;
    say(`packages are not those of ${found.lock} (${found.reason}): installs them`);
    const trouble = await install(this.#root, true);
    const service = this.#options.service ?? 'SERVICE';
    // What is there may do all the same.
    if (trouble) complain(`they cannot be installed in place (${trouble}): run \`devstack up --build ${service}\``);
  }

  async #waitAtTheDoor(reason) {
    this.#state = 'held';
    say(`waits for ${reason}: compiles and loads packages meanwhile, the application starts then`);
    const open = this.#hold.wait();
    // What is wrong with the sources is told when they are to run.
    await this.#sources?.compile(await this.#sources.notice()).catch(() => {});
    await open;
    this.#state = 'starting';
    say('the door is open: starts');
  }

  #readProject() {
    this.#project = readProject(this.#root, this.#options, this.#mirror);
    this.#project.prepareMirror();
    const compiler = loadCompiler(this.#project);
    this.#sources = new Sources(this.#project, compiler);
    this.#settings = this.#settingsState();
    this.#types?.stop();
    this.#types = new Types(this.#project, runFolder, (message) => this.#channel.tell(message));
    this.#stage.prepare(this.#project);
    this.#stage.warmSpare();
  }

  #settingsState() {
    const hash = createHash('sha1');
    for (const file of this.#project?.settingFiles ?? []) {
      try {
        hash.update(`${file}\0`).update(readFileSync(file));
      } catch {
        // Not there, which is a state as well.
      }
    }
    return hash.digest('base64');
  }

  #watchMyself() {
    this.#watcher?.stop();
    this.#watcher = null;
    if (!this.#options.watch || this.#channel.hosts > 0 || !this.#project) return;
    this.#watcher = new Watcher(this.#project, {
      onChange: (paths) => this.#request({ paths }),
      onTrouble: complain,
    });
    this.#watcher.start();
  }

  #hostsChanged(count) {
    if (this.#isStopping || this.#state === 'held') return;
    if (count === 0) {
      this.#watchMyself();
      // Something may have changed between the host's end and the watch's beginning.
      this.#request({});
    } else if (this.#watcher) {
      this.#watcher.stop();
      this.#watcher = null;
    }
  }

  #heard(message) {
    if (message.type === 'open') {
      this.#hold.open();
    } else if (message.type === 'changed' && Array.isArray(message.files)) {
      const paths = message.files.map((file) => file?.path).filter((path) => typeof path === 'string');
      this.#request({ paths, id: message.id });
    }
  }

  #lookAround() {
    if (this.#state === 'held') this.#hold.open();
    else this.#request({});
  }

  /** Notes that something may have changed: `paths`, or anything when there are none. */
  #request({ paths, id = null, force = false }) {
    if (this.#isStopping) return;
    const next = (this.#next ??= { paths: new Set(), all: false, id: null, force: false });
    if (paths === undefined) next.all = true;
    else for (const path of paths) next.paths.add(path);
    if (id !== null) next.id = id;
    next.force ||= force;
    if (this.#abort) void this.#abortWhenOutOfDate();
    if (!this.#isBusy && this.#state !== 'held') void this.#work();
  }

  async #work() {
    this.#isBusy = true;
    while (this.#next && !this.#isStopping) {
      const job = this.#next;
      this.#next = null;
      try {
        await this.#reload(job);
      } catch (error) {
        this.#failed(job.id, 'compile', error.message, error.frame ?? null);
      }
    }
    this.#isBusy = false;
  }

  /** A version on its way is of no use when its files have changed again. */
  async #abortWhenOutOfDate() {
    const abort = this.#abort;
    const { all, paths } = this.#next;
    const changes = await this.#sources.notice(all ? undefined : [...paths]);
    if (changes.length > 0 && this.#abort === abort) abort.abort();
  }

  async #reload(job) {
    clearTimeout(this.#crashes.timer);
    const begun = performance.now();
    if (!(await this.#installChanges(job))) return;
    let { force } = job;
    const reread = this.#project === null || this.#settings !== this.#settingsState();
    if (reread) {
      if (this.#settings !== null) say('settings of the compiler changed: compiles everything');
      this.#readProject();
      if (!this.#watcher) this.#watchMyself();
      force = true;
    }
    const paths = job.all || reread ? undefined : [...job.paths];
    const changes = await this.#sources.notice(paths);
    const files = new Set([...this.#overtaken.files, ...changes.map(({ path }) => path)]);
    const id = job.id ?? this.#overtaken.id;
    if (changes.length === 0 && !force && this.#overtaken.files.size === 0) {
      this.#nothingChanged(id);
      return;
    }
    this.#channel.tell({ type: 'reloading', id });
    // A check of what was before is of no use, and takes a core.
    this.#types?.stop();
    try {
      await this.#sources.compile(changes);
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      this.#failed(id, 'compile', error.message, error.frame);
      return;
    }
    const compileMs = performance.now() - begun;
    this.#abort = new AbortController();
    const outcome = await this.#stage.start(this.#abort.signal);
    this.#abort = null;
    if (this.#isStopping) return;
    if (outcome === null) {
      this.#overtaken = { files, id };
      // Whoever aborted it has asked for more already.
      this.#next ??= { paths: new Set(), all: true, id: null, force: false };
      return;
    }
    this.#overtaken = { files: new Set(), id: null };
    if (outcome.failure) this.#didNotStart(id, outcome.failure);
    else this.#isLive(id, [...files], compileMs, outcome.startMs);
  }

  /** Whether the rest of the reload has a point. */
  async #installChanges(job) {
    const now = packageState(this.#root);
    const before = this.#installed;
    const lockChanged = now.lock !== before.lock;
    if (now.manifest === before.manifest && !lockChanged) return true;
    const reason = 'package.json or its lock file changed';
    say(`${reason}: installs packages`);
    this.#channel.tell({ type: 'installing', reason });
    const trouble = await install(this.#root, lockChanged);
    // Once is enough for the same files, whether it worked or not.
    this.#installed = packageState(this.#root);
    if (trouble) {
      const service = this.#options.service ?? 'SERVICE';
      const message = `packages changed and cannot be installed in place (${trouble}): run \`devstack up --build ${service}\``;
      this.#failed(job.id, 'install', message, null);
      return false;
    }
    this.#readProject();
    job.force = true;
    return true;
  }

  #nothingChanged(id) {
    if (this.#state === 'failed' && this.#stage.live && this.#sources.isCurrent && !this.startFailed) {
      // The save took the mistake back: what serves is what the files say.
      this.#state = 'live';
      say('the error is gone; the running version is the current one');
      this.#channel.tell({ type: 'live', id, generation: this.#generation, files: [], compile_ms: 0, start_ms: 0 });
      return;
    }
    if (id !== null) this.#channel.tell({ type: 'unchanged', id });
  }

  #isLive(id, files, compileMs, startMs) {
    const isFirst = this.#generation === 0;
    this.#generation += 1;
    this.#state = 'live';
    this.startFailed = false;
    this.#crashes.since = Date.now();
    const shown = files.map((file) => this.#project.shown(file));
    const took = `compile ${milliseconds(compileMs)}, start ${milliseconds(startMs)}`;
    if (isFirst) say(`started in ${milliseconds(compileMs + startMs)} ms (${took})`);
    else say(`reloaded in ${milliseconds(compileMs + startMs)} ms (${took}) ${names(shown)}`.trimEnd());
    this.#channel.tell({
      type: 'live',
      id,
      generation: this.#generation,
      files: isFirst ? [] : files,
      compile_ms: rounded(compileMs),
      start_ms: rounded(startMs),
    });
    this.#stage.warmSpareSoon();
    if (this.#options.types) this.#types.soon();
  }

  #didNotStart(id, failure) {
    this.startFailed = true;
    const place = ownPlace(failure.text, this.#project);
    const frame = place
      ? codeFrame(place.file, place.line, place.column, this.#project.shown(place.file), place.text)
      : null;
    this.#failed(id, 'start', failure.message, frame);
    this.#stage.warmSpare();
    if (this.#options.types) this.#types.soon();
    if (!this.#stage.live) this.#restartLater(failure.code ?? null);
  }

  #failed(id, phase, message, frame) {
    this.#state = 'failed';
    const serving = this.#stage.live ? this.#generation : null;
    const what = { compile: 'does not compile', start: 'does not start', install: 'is not installed' }[phase];
    // What does not start may yet, by the service's policy; that is told then.
    const nothing = phase === 'start' ? 'nothing serves' : 'nothing serves: it starts again when a file changes';
    const then = serving === null ? nothing : 'the version before goes on serving';
    complain(`${what}: ${message}`);
    if (frame) process.stderr.write(`${frame}\n`);
    complain(then);
    this.#channel.tell({ type: 'failed', id, phase, message, frame, serving });
    if (serving === null && phase !== 'start') this.#stage.refuse();
  }

  #crashed(worker, { code, signal }) {
    this.#types?.stop();
    this.#state = 'failed';
    const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
    complain(`the application ${how}`);
    this.#channel.tell({ type: 'crashed', code, signal, lines: worker.lines });
    if (Date.now() - this.#crashes.since > STEADY_MS) this.#crashes.count = 0;
    // A reload under way brings the next version anyway.
    if (!this.#isBusy) this.#restartLater(code);
  }

  /** Starts the application again as the service's restart policy says. */
  #restartLater(code) {
    if (this.#isStopping) return;
    const [policy, most] = this.#options.restart.split(':');
    const wanted = policy === 'on-failure' ? code !== 0 && !(this.#crashes.count >= Number(most)) : policy !== 'no';
    if (!wanted) {
      this.#stage.refuse();
      complain('it starts again when a file changes');
      return;
    }
    const pause = BACKOFF_MS[Math.min(this.#crashes.count, BACKOFF_MS.length - 1)];
    this.#crashes.count += 1;
    if (pause > WORTH_WAITING_MS) this.#stage.refuse();
    complain(`it starts again in ${pause / 1000} s, or when a file changes`);
    this.#crashes.timer = setTimeout(() => this.#request({ force: true }), pause);
  }

  async #stop(signal) {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#watcher?.stop();
    this.#types?.stop();
    clearTimeout(this.#crashes.timer);
    this.#abort?.abort();
    const outcome = await this.#stage.stop(Math.max(STOP_RESERVE_MS, this.#options.stop_ms - STOP_RESERVE_MS));
    const ended = outcome?.signal ?? (outcome ? null : signal);
    process.exit(ended ? 128 + constants.signals[ended] : outcome.code);
  }
}

function rounded(value) {
  return Math.round(value * 10) / 10;
}

await new Runner().run();

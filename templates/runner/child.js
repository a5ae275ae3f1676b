// The application's process. It loads packages ahead, waits to be told to go, and then runs the
// application as Node itself would. Servers that the application opens on a TCP port get their
// connections from the runner, which keeps the port open over all reloads.
import http from 'node:http';
import inspector from 'node:inspector';
import module from 'node:module';
import net from 'node:net';
import { Duplex } from 'node:stream';
import v8 from 'node:v8';
import vm from 'node:vm';
import { findImports } from './imports.js';

const EADDRINUSE = -98;
/** Between two looks at connections that still have a request under way. */
const LOOK_MS = 10;
/** Longer than a timer can be, in effect. */
const FOREVER_MS = 2 ** 31 - 1;
/** After this the code of the application is kept for its next start. */
const KEEP_CODE_MS = 1_000;

// How this process was begun is not for those that the application begins.
process.execArgv = [];

// The application must not take itself for somebody's child.
const post = process.send.bind(process);
process.send = undefined;
process.disconnect = undefined;

/** Servers that are listening, by port. */
const servers = new Map();
/** Listens that the runner has not answered yet, by number. */
const asked = new Map();
/** Connections on their way back to the runner, by number. */
const leaving = new Map();
let numbers = 0;
let isDraining = false;
let waiting = setInterval(() => {}, FOREVER_MS);
/** Ports that the runner holds open: to listen there needs no answer. */
let open = new Set();
/** Ends the finding of imports: once it listens, an application has what it imports. */
let imports = null;

const listen = net.Server.prototype._listen2;

// The messages of a cluster's worker take this way too: the application does not see them.
process.on('internalMessage', (message, handle) => {
  if (message.cmd !== 'NODE_DEVSTACK') return;
  switch (message.type) {
    case 'warm':
      return void warm(message);
    case 'go':
      return go(message);
    case 'listening':
      return answered(message);
    case 'connection':
      return connection(message, handle);
    case 'returned':
      return returned(message);
    case 'drain':
      return drain();
    case 'inspect':
      return openInspector(message.port);
  }
});
process.channel.unref();
// Without the runner nobody would ever stop this process.
process.on('disconnect', () => process.exit(1));
process.channel.unref();

tell({ type: 'awake' });

function tell(message, handle) {
  if (!process.connected) return;
  post({ cmd: 'NODE_DEVSTACK', ...message }, handle, undefined, () => {});
}

/** Loads packages, each for itself: one that cannot be loaded is the application's to complain of. */
async function warm({ file, packages }) {
  if (packages.length > 0) {
    const { load } = await import(file);
    for (const name of packages) await load(name).catch(() => {});
    await warmNode();
    tidyUp();
  }
  tell({ type: 'warm' });
}

/** Has Node's own code for listening and HTTP ready: the first use of it takes milliseconds. */
async function warmNode() {
  net.isIP('::1');
  // Whoever listens asks it whether others do so together.
  await import('node:cluster');
  const server = http.createServer((_request, response) => response.end());
  const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  server.emit('connection', connection);
  connection.push('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  connection.push(null);
}

/** What the packages have left is old by now: it is not looked at again while the application starts. */
function tidyUp() {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc');
  // V8 takes for old what has survived twice.
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  v8.setFlagsFromString('--no-expose-gc');
}

function go({ main, modules, isModule, inspect, cacheFolder, ports }) {
  open = new Set(ports);
  clearInterval(waiting);
  waiting = null;
  net.Server.prototype._listen2 = listenAtTheDoor;
  process.on('uncaughtExceptionMonitor', (error) => {
    tell({ type: 'error', message: String(error?.message ?? error), stack: String(error?.stack ?? ''), code: error?.code });
  });
  if (inspect) openInspector(inspect);
  keepCode(cacheFolder);
  if (modules) imports = findImports(modules, isModule);
  process.argv[1] = main;
  module.runMain(main);
}

/** Keeps what V8 makes of the application's code, since the next process needs most of it again. */
function keepCode(folder) {
  if (!module.enableCompileCache) return;
  if (!process.env.NODE_COMPILE_CACHE) module.enableCompileCache(folder);
  setTimeout(() => module.flushCompileCache?.(), KEEP_CODE_MS).unref();
}

function openInspector(port) {
  try {
    inspector.open(port, '0.0.0.0');
  } catch (error) {
    process.stderr.write(`devstack: the debugger's port ${port} cannot be opened: ${error.message}\n`);
  }
}

/** Takes the place of Node's own step from "listen here" to a socket. */
function listenAtTheDoor(address, port, addressType, backlog, fd, flags) {
  imports?.();
  imports = null;
  const isTcp = typeof port === 'number' && port > 0 && (addressType === 4 || addressType === 6);
  if (!isTcp || this._handle || (typeof fd === 'number' && fd >= 0)) {
    return listen.call(this, address, port, addressType, backlog, fd, flags);
  }
  if (servers.has(port)) {
    this._handle = new DoorHandle(this, address, port, EADDRINUSE);
    return listen.call(this, address, port, addressType, backlog, fd, flags);
  }
  if (open.has(port)) {
    this._handle = new DoorHandle(this, address, port, 0);
    listen.call(this, address, port, addressType, backlog, fd, flags);
    return;
  }
  const number = ++numbers;
  // What waits for an answer is work to do.
  const alive = setInterval(() => {}, FOREVER_MS);
  asked.set(number, (errno) => {
    clearInterval(alive);
    this._handle = new DoorHandle(this, address, port, errno);
    listen.call(this, address, port, addressType, backlog, fd, flags);
  });
  tell({ type: 'listen', number, port, address: address ?? null, family: addressType });
}

function answered({ number, errno }) {
  const answer = asked.get(number);
  asked.delete(number);
  answer?.(errno);
}

/** As much of a listening handle as `net.Server` needs. */
class DoorHandle {
  constructor(server, address, port, errno) {
    this.server = server;
    this.address = address;
    this.port = port;
    this.errno = errno;
    this.alive = null;
    /** Connections of this server. */
    this.sockets = new Set();
  }

  listen() {
    if (this.errno) return this.errno;
    servers.set(this.port, this);
    this.ref();
    this.track();
    tell({ type: 'listens', port: this.port });
    return 0;
  }

  close(callback) {
    this.unref();
    if (servers.get(this.port) === this) {
      servers.delete(this.port);
      tell({ type: 'closed', port: this.port });
    }
    if (callback) process.nextTick(callback);
  }

  ref() {
    this.alive ??= setInterval(() => {}, FOREVER_MS);
  }

  unref() {
    clearInterval(this.alive);
    this.alive = null;
  }

  getsockname(out) {
    const isV4 = net.isIPv4(this.address ?? '');
    Object.assign(out, { address: this.address ?? '::', port: this.port, family: isV4 ? 'IPv4' : 'IPv6' });
    return 0;
  }

  /** Only plain HTTP has moments at which a connection can move to another process. */
  get canMove() {
    return this.server instanceof http.Server;
  }

  track() {
    if (!this.canMove) return;
    this.server.prependListener('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    this.server.prependListener('request', (_request, response) => {
      // Before the loop reads again: the client's next request is for the next version.
      response.once('finish', () => isDraining && process.nextTick(moveIdle));
      if (isDraining) response.shouldKeepAlive = false;
    });
  }

  /** Connections with no request under way, by Node's own judgement. */
  idle() {
    const idle = new Set();
    for (const socket of this.sockets) {
      if (socket.bytesRead === 0) idle.add(socket);
      socket.destroy = () => idle.add(socket);
    }
    try {
      this.server.closeIdleConnections();
    } finally {
      for (const socket of this.sockets) delete socket.destroy;
    }
    return [...idle].filter((socket) => socket._handle && socket.writableLength === 0 && !socket._httpMessage);
  }
}

function connection({ number, port }, handle) {
  const door = servers.get(port);
  if (!door || !handle) {
    tell({ type: 'refused', number });
    handle?.close();
    return;
  }
  tell({ type: 'taken', number });
  door.onconnection(0, handle);
}

/** No new request is to begin here: idle connections go to the next version, others when idle. */
function drain() {
  isDraining = true;
  inspector.close();
  moveIdle();
  tell({ type: 'barrier' });
  const timer = setInterval(() => {
    const left = moveIdle();
    if (left > 0) return;
    clearInterval(timer);
    tell({ type: 'drained' });
  }, LOOK_MS);
  timer.unref();
  if (moveIdle() === 0) {
    clearInterval(timer);
    tell({ type: 'drained' });
  }
}

/** Sends idle connections back; returns how many others there are. */
function moveIdle() {
  let left = 0;
  for (const door of servers.values()) {
    if (!door.canMove) continue;
    for (const socket of door.idle()) giveBack(socket, door.port);
    // Without a parser it is no HTTP any more (a WebSocket), and does not end like a request.
    for (const socket of door.sockets) if (socket.parser) left += 1;
  }
  return left;
}

function giveBack(socket, port) {
  const handle = socket._handle;
  // From here on whatever the client sends waits in the kernel for the next version.
  handle.readStop();
  const { parser } = socket;
  if (parser?._consumed) {
    parser.unconsume();
    parser._consumed = false;
  }
  socket._handle = null;
  socket.destroy();
  const number = ++numbers;
  leaving.set(number, handle);
  tell({ type: 'back', number, port }, handle);
}

function returned({ number }) {
  leaving.get(number)?.close();
  leaving.delete(number);
}

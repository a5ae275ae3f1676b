// A TCP port that stays open while the processes behind it come and go. Connections are handed
// over whole, so that the application talks to its peer itself; while no process can take one, it
// waits here.
import { createServer } from 'node:net';

export class Door {
  #server = null;
  #queue = [];
  #target = null;
  #timer = null;
  #holdMs;

  constructor(port, address, holdMs) {
    this.port = port;
    this.address = address;
    this.#holdMs = holdMs;
  }

  get isOpen() {
    return this.#server !== null;
  }

  /** Resolves with 0, or with the system's error number. */
  open() {
    if (this.#server) return Promise.resolve(0);
    return new Promise((resolve) => {
      const server = createServer((socket) => socket.destroy());
      server.once('error', (error) => {
        this.#server = null;
        resolve(error.errno ?? -1);
      });
      server.listen({ port: this.port, host: this.address ?? undefined, backlog: 1024 }, () => {
        // Before the first connection can be accepted: nothing of it is to be read here.
        server._handle.onconnection = (error, handle) => {
          if (!error) this.arrive(handle);
        };
        resolve(0);
      });
      this.#server = server;
    });
  }

  /** Refuses from now on; what waits is cut off. */
  close() {
    this.#server?.close();
    this.#server = null;
    this.#target = null;
    for (const { handle } of this.#queue.splice(0)) handle.close();
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Lets connections wait. */
  hold() {
    this.#target = null;
  }

  /** Gives connections to a worker, those that wait first. */
  lead(worker) {
    this.#target = worker;
    for (const { handle } of this.#queue.splice(0)) worker.give(this.port, handle);
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Takes a connection: a new one, or one that a process has given back. */
  arrive(handle) {
    if (!this.#server) {
      handle.close();
      return;
    }
    if (this.#target) {
      this.#target.give(this.port, handle);
      return;
    }
    this.#queue.push({ handle, until: Date.now() + this.#holdMs });
    this.#timer ??= setTimeout(() => this.#expire(), this.#holdMs);
  }

  #expire() {
    const now = Date.now();
    while (this.#queue.length > 0 && this.#queue[0].until <= now) this.#queue.shift().handle.close();
    this.#timer =
      this.#queue.length > 0 ? setTimeout(() => this.#expire(), this.#queue[0].until - now) : null;
  }
}

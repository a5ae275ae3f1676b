// The runner's end of the control channel: a unix socket, newline-delimited JSON, several hosts.
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';

/** Longest line that is read. A host that sends more is cut off. */
const LONGEST_LINE = 1 << 24;

/** Hosts that listen and tell of changes. */
export class Channel {
  #hosts = new Set();
  #hello;
  #onMessage;
  #onHosts;

  /**
   * @param hello returns what a new host is told first
   * @param onMessage takes each message of a host
   * @param onHosts is told how many hosts there are, whenever that changes
   */
  constructor({ hello, onMessage, onHosts }) {
    this.#hello = hello;
    this.#onMessage = onMessage;
    this.#onHosts = onHosts;
  }

  get hosts() {
    return this.#hosts.size;
  }

  listen(file) {
    // What an earlier process of this container left behind.
    rmSync(file, { force: true });
    const server = createServer((socket) => this.#greet(socket));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(file, () => {
        chmodSync(file, 0o666);
        resolve();
      });
    });
  }

  /** Tells all hosts. */
  tell(message) {
    const line = `${JSON.stringify(message)}\n`;
    for (const socket of this.#hosts) socket.write(line);
  }

  #greet(socket) {
    this.#hosts.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#hosts.delete(socket);
      this.#onHosts(this.#hosts.size);
    });
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      if (rest.length > LONGEST_LINE) socket.destroy();
      for (const line of lines) this.#read(line);
    });
    socket.write(`${JSON.stringify(this.#hello())}\n`);
    this.#onHosts(this.#hosts.size);
  }

  #read(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return;
    }
    if (message !== null && typeof message === 'object') this.#onMessage(message);
  }
}

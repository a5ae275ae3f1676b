// The door that devstack closes before it starts the container early: a file with text in it.
// Emptying the file opens the door, whoever does it. A container that is started again by the
// engine finds it empty and does not wait.
import { readFileSync, truncateSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** An open door is noticed by an event; this is for file systems that have none. */
const LOOK_MS = 20;

export class Hold {
  #file;
  #opened;

  constructor(file) {
    this.#file = file;
  }

  /** What is waited for; `null` when the door is open. */
  get reason() {
    try {
      return readFileSync(this.#file, 'utf8').trim() || null;
    } catch {
      return null;
    }
  }

  /** Resolves when the door is open. */
  wait() {
    return new Promise((resolve) => {
      let watcher;
      const look = () => {
        if (this.reason !== null && !this.#opened) return;
        clearInterval(timer);
        watcher?.close();
        resolve();
      };
      this.look = look;
      const timer = setInterval(look, LOOK_MS);
      try {
        watcher = watch(dirname(this.#file), (_event, name) => {
          if (name === basename(this.#file)) look();
        });
        watcher.on('error', () => {});
      } catch {
        // The timer does as well.
      }
      look();
    });
  }

  /** Opens the door from within. */
  open() {
    this.#opened = true;
    try {
      truncateSync(this.#file, 0);
    } catch {
      // It is open for this process all the same.
    }
    this.look?.();
  }
}

// Where the runner's own files are, and where it writes.
import { accessSync, constants, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the runner's files. */
export const folder = dirname(fileURLToPath(import.meta.url));

/** Closed with text in it, open when it is empty or missing. */
export const holdFile = process.env.DEVSTACK_RUNNER_HOLD ?? join(folder, 'hold');

/** The folder for what the runner writes: compiled files, its socket, caches. */
export const runFolder = (() => {
  const given = process.env.DEVSTACK_RUNNER_FOLDER ?? '/run/devstack';
  try {
    accessSync(given, constants.W_OK);
    return given;
  } catch {
    // The tmpfs that devstack mounts is root's alone after a restart, with some runtimes.
    const own = join(tmpdir(), `devstack-runner-${process.getuid?.() ?? 0}`);
    mkdirSync(own, { recursive: true, mode: 0o700 });
    return own;
  }
})();

/** The socket of the control channel. */
export const socketFile = join(runFolder, 'control.sock');

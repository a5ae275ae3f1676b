// One end of the control channel: standard input and output on this side, the runner's socket on
// the other, newline-delimited JSON in between.
import { connect } from 'node:net';
import { socketFile } from './place.js';

/** How long to wait for a runner that has only just been started. */
const PATIENCE_MS = 10_000;

const begun = Date.now();

attempt();

function attempt() {
  const socket = connect(socketFile);
  socket.once('connect', () => {
    process.stdin.pipe(socket);
    socket.pipe(process.stdout);
    // Without a host the channel has no use; without a runner neither.
    process.stdin.once('end', () => socket.end());
    socket.once('close', () => process.exit(0));
  });
  socket.on('error', (error) => {
    const starting = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
    if (starting && Date.now() - begun < PATIENCE_MS) {
      setTimeout(attempt, 20);
      return;
    }
    process.stderr.write(`devstack: no reload runner answers: ${error.message}\n`);
    process.exit(1);
  });
}

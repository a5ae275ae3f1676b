// An application in a folder of its own, run by the runner as a container would.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('../runner.js', import.meta.url));
const CONTROL = fileURLToPath(new URL('../control.js', import.meta.url));
const PATIENCE_MS = 30_000;

/** A server whose answer is `body.js`, and whose `/slow` takes a while. */
export const SERVER = `
import http from 'node:http';
import { body } from './body.js';
const server = http.createServer(async (request, response) => {
  if (request.url === '/slow') await new Promise((resolve) => setTimeout(resolve, 400));
  if (request.url === '/exit') process.exit(7);
  response.end(body);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => { console.log('told to stop'); server.close(() => process.exit(0)); server.closeIdleConnections(); });
`;

export class Application {
  output = '';
  #listeners = new Set();

  /** Starts the runner on these files. */
  static async start(t, files, options = {}) {
    const application = new Application();
    application.folder = mkdtempSync(join(tmpdir(), 'runner-'));
    application.root = join(application.folder, 'app');
    application.port = await freePort();
    application.write({ 'package.json': '{"type": "module"}', ...files });
    const run = join(application.folder, 'run');
    mkdirSync(run);
    const optionsFile = join(application.folder, 'options.json');
    writeFileSync(optionsFile, JSON.stringify(options));
    application.env = {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      PORT: String(application.port),
      DEVSTACK_RUNNER_FOLDER: run,
      DEVSTACK_RUNNER_OPTIONS: optionsFile,
      DEVSTACK_RUNNER_HOLD: join(application.folder, 'hold'),
    };
    if (options.held) writeFileSync(application.env.DEVSTACK_RUNNER_HOLD, options.held);
    application.child = spawn(process.execPath, [RUNNER], {
      cwd: application.root,
      env: application.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [application.child.stdout, application.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        application.output += text;
        for (const listener of application.#listeners) listener();
      });
    }
    application.exited = once(application.child, 'exit');
    t.after(async () => {
      application.child.kill('SIGKILL');
      await application.exited;
      rmSync(application.folder, { recursive: true, force: true });
    });
    return application;
  }

  write(files) {
    for (const [name, text] of Object.entries(files)) {
      const file = join(this.root, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }

  remove(name) {
    rmSync(join(this.root, name), { recursive: true });
  }

  /** Waits until the output has a text, after what was awaited before. */
  says(text, from = 0) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const at = this.output.indexOf(text, from);
        if (at < 0) return;
        clearTimeout(timer);
        this.#listeners.delete(look);
        resolve(at + text.length);
      };
      const timer = setTimeout(() => {
        this.#listeners.delete(look);
        reject(new Error(`never said: ${text}\n${this.output}`));
      }, PATIENCE_MS);
      this.#listeners.add(look);
      look();
    });
  }

  get(path = '/', agent = undefined) {
    return new Promise((resolve, reject) => {
      http
        .get({ host: '127.0.0.1', port: this.port, path, agent }, (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text) => {
            body += text;
          });
          response.on('end', () => resolve(body));
          response.on('error', reject);
        })
        .on('error', reject);
    });
  }

  /** A host on the control channel. */
  connect(t) {
    const child = spawn(process.execPath, [CONTROL], { env: this.env, stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const host = { child, messages: [], waiting: new Set() };
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      host.messages.push(...lines.map((line) => JSON.parse(line)));
      for (const look of host.waiting) look();
    });
    host.send = (message) => child.stdin.write(`${JSON.stringify(message)}\n`);
    host.hears = (wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = host.messages.find((message) => Object.entries(wanted).every(([key, value]) => message[key] === value));
          if (!found) return;
          clearTimeout(timer);
          host.waiting.delete(look);
          resolve(found);
        };
        const timer = setTimeout(() => reject(new Error(`never heard ${JSON.stringify(wanted)}: ${JSON.stringify(host.messages)}\n${this.output}`)), PATIENCE_MS);
        host.waiting.add(look);
        look();
      });
    return host;
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, truncateSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Application, SERVER } from './application.js';

const body = (text) => `export const body = '${text}';\n`;
const FILES = { 'src/main.js': SERVER, 'src/body.js': body('one') };

test('a save is served, without a request refused or a version gone back to', async (t) => {
  const app = await Application.start(t, FILES);
  await app.says('started in');
  const kept = new http.Agent({ keepAlive: true, maxSockets: 4 });
  t.after(() => kept.destroy());
  const failures = [];
  let newest = 0;
  let saved = 0;
  let asked = 0;
  app.write({ 'src/body.js': body('0') });
  await app.says('reloaded in');
  const ask = async (agent) => {
    const atLeast = newest;
    asked += 1;
    try {
      const seen = Number(await app.get('/', agent));
      if (seen < atLeast) failures.push(`${seen} after ${atLeast}`);
      newest = Math.max(newest, seen);
    } catch (error) {
      failures.push(error.message);
    }
  };
  const load = setInterval(() => {
    void ask(kept);
    void ask(undefined);
  }, 10);
  while (saved < 20) {
    saved += 1;
    app.write({ 'src/body.js': body(String(saved)) });
    while (newest < saved) await ask(kept);
  }
  clearInterval(load);
  assert.deepEqual(failures, []);
  assert.ok(asked > 40);
});

test('requests under way end on the version that they began on', async (t) => {
  const app = await Application.start(t, FILES);
  await app.says('started in');
  const slow = app.get('/slow');
  // It has arrived when another one that came later is answered.
  assert.equal(await app.get(), 'one');
  app.write({ 'src/body.js': body('two') });
  await app.says('reloaded in');
  assert.equal(await app.get(), 'two');
  assert.equal(await slow, 'one');
});

test('a connection keeps its peer, its other direction and its protocol', async (t) => {
  const echo = `
    import net from 'node:net';
    net.createServer({ allowHalfOpen: true }, (socket) => {
      let text = '';
      socket.on('data', (more) => { text += more; });
      socket.on('end', () => socket.end(text + ' from ' + socket.remoteAddress));
    }).listen(Number(process.env.PORT), '127.0.0.1');`;
  const app = await Application.start(t, { 'src/main.js': echo });
  await app.says('started in');
  const socket = net.connect({ host: '127.0.0.1', port: app.port });
  socket.end('x'.repeat(1 << 20));
  let answer = '';
  for await (const text of socket.setEncoding('utf8')) answer += text;
  assert.equal(answer.length, (1 << 20) + ' from 127.0.0.1'.length);
});

test('a version that throws while it starts leaves the one before serving', async (t) => {
  const app = await Application.start(t, FILES);
  await app.says('started in');
  app.write({ 'src/body.js': "export const body = 'two';\nthrow new Error('not today');\n" });
  const at = await app.says('does not start: not today');
  await app.says("> 2 | throw new Error('not today');", at);
  await app.says('the version before goes on serving', at);
  assert.equal(await app.get(), 'one');
  app.write({ 'src/body.js': body('three') });
  await app.says('reloaded in', at);
  assert.equal(await app.get(), 'three');
});

test('new and deleted files count, files that did not change do not', async (t) => {
  const app = await Application.start(t, FILES);
  const host = app.connect(t);
  assert.deepEqual(await host.hears({ type: 'hello' }).then(({ protocol }) => protocol), 1);
  await app.says('started in');
  const file = (name, kind = 'modified') => ({ path: join(app.root, name), kind });
  app.write({ 'src/body.js': body('one') });
  host.send({ type: 'changed', id: 1, files: [file('src/body.js')] });
  await host.hears({ type: 'unchanged', id: 1 });
  app.write({ 'src/deep/er.js': body('deep'), 'src/body.js': "export { body } from './deep/er.js';\n" });
  host.send({ type: 'changed', id: 2, files: [file('src/body.js'), file('src/deep/er.js', 'created')] });
  const live = await host.hears({ type: 'live', id: 2 });
  assert.deepEqual(live.files, [join(app.root, 'src/body.js'), join(app.root, 'src/deep/er.js')]);
  assert.equal(await app.get(), 'deep');
  // A folder that is gone takes its files with it.
  app.remove('src/deep');
  host.send({ type: 'changed', id: 3, files: [file('src/deep', 'removed')] });
  const failed = await host.hears({ type: 'failed', id: 3 });
  assert.equal(failed.phase, 'start');
  assert.equal(failed.serving, live.generation);
  assert.equal(await app.get(), 'deep');
});

test('an end is told with its last lines, and waits for a change without a policy', async (t) => {
  const app = await Application.start(t, FILES);
  const host = app.connect(t);
  await app.says('started in');
  await assert.rejects(app.get('/exit'));
  const crashed = await host.hears({ type: 'crashed' });
  assert.deepEqual([crashed.code, crashed.signal], [7, null]);
  await app.says('it starts again when a file changes');
  await assert.rejects(app.get(), { code: 'ECONNREFUSED' });
  app.write({ 'src/body.js': body('back') });
  host.send({ type: 'changed', id: 1, files: [{ path: join(app.root, 'src/body.js'), kind: 'modified' }] });
  await host.hears({ type: 'live', id: 1 });
  assert.equal(await app.get(), 'back');
});

test('with a restart policy it starts again by itself, and connections wait', async (t) => {
  const app = await Application.start(t, FILES, { restart: 'unless-stopped' });
  await app.says('started in');
  await assert.rejects(app.get('/exit'));
  assert.equal(await app.get(), 'one');
});

test('what two versions cannot have at the same time is freed first', async (t) => {
  // A port that is opened behind the back of Node's servers.
  const main = `import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
const socket = dgram.createSocket('udp4');
socket.bind({ port: Number(process.env.PORT), address: '127.0.0.1', exclusive: true });
${SERVER}`;
  const app = await Application.start(t, { ...FILES, 'src/main.js': main });
  await app.says('started in');
  app.write({ 'src/body.js': body('two') });
  const at = await app.says('two versions cannot run at the same time');
  await app.says('reloaded in', at);
  assert.equal(await app.get(), 'two');
});

test('a held application does not begin before the door is open', async (t) => {
  const main = `import { writeFileSync } from 'node:fs';\nwriteFileSync('began', '');\n${SERVER}`;
  const app = await Application.start(t, { ...FILES, 'src/main.js': main }, { held: 'db, mq' });
  const host = app.connect(t);
  assert.equal((await host.hears({ type: 'hello' })).state, 'held');
  await app.says('waits for db, mq');
  // A door that is shut refuses: nobody takes it for ready.
  await assert.rejects(app.get(), { code: 'ECONNREFUSED' });
  assert.equal(existsSync(join(app.root, 'began')), false);
  truncateSync(app.env.DEVSTACK_RUNNER_HOLD);
  await app.says('started in');
  assert.equal(await app.get(), 'one');
});

test('SIGTERM reaches the application, and its exit code is the runner’s', async (t) => {
  const app = await Application.start(t, FILES);
  await app.says('started in');
  app.child.kill('SIGTERM');
  assert.deepEqual(await app.exited, [0, null]);
  assert.match(app.output, /told to stop/);
});

test('an application that ignores SIGTERM is ended in time', async (t) => {
  const main = `${SERVER}\nprocess.removeAllListeners('SIGTERM');\nprocess.on('SIGTERM', () => {});\n`;
  const app = await Application.start(t, { ...FILES, 'src/main.js': main }, { stop_ms: 1_000 });
  await app.says('started in');
  app.child.kill('SIGTERM');
  assert.deepEqual(await app.exited, [137, null]);
});

test('CommonJS runs as the main module', async (t) => {
  const main = `
    const http = require('node:http');
    if (require.main !== module) throw new Error('not the main module');
    if (process.send) throw new Error('takes itself for a child');
    http.createServer((_, response) => response.end('cjs')).listen(process.env.PORT);`;
  const app = await Application.start(t, { 'package.json': '{}', 'index.js': main });
  await app.says('started in');
  assert.equal(await app.get(), 'cjs');
});

test('SIGUSR2 looks for changes when nobody watches', async (t) => {
  const app = await Application.start(t, FILES, { watch: false });
  await app.says('started in');
  app.write({ 'src/body.js': body('two') });
  app.child.kill('SIGUSR2');
  await app.says('reloaded in');
  assert.equal(await app.get(), 'two');
});

test('an upgraded connection ends within the grace time, and a new one is served', async (t) => {
  // As a WebSocket begins; what is said then is not HTTP.
  const main = `
    import http from 'node:http';
    import { body } from './body.js';
    const server = http.createServer((_, response) => response.end(body));
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: echo\\r\\nConnection: Upgrade\\r\\n\\r\\n');
      socket.on('data', (text) => socket.write(body + ' ' + text));
      socket.on('error', () => {});
    });
    server.listen(Number(process.env.PORT), '127.0.0.1');`;
  const app = await Application.start(t, { ...FILES, 'src/main.js': main }, { grace_ms: 1_500 });
  await app.says('started in');
  const upgrade = async () => {
    const socket = net.connect({ host: '127.0.0.1', port: app.port }).setEncoding('utf8');
    const ended = once(socket, 'close');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
    await once(socket, 'data');
    return { socket, ended };
  };
  const say = async ({ socket }, text) => {
    socket.write(text);
    return (await once(socket, 'data'))[0];
  };
  const old = await upgrade();
  assert.equal(await say(old, 'a'), 'one a');
  app.write({ 'src/body.js': body('two') });
  await app.says('reloaded in');
  const next = await upgrade();
  assert.equal(await say(next, 'b'), 'two b');
  // Its client learns that it has to connect again.
  await old.ended;
  assert.equal(await say(next, 'c'), 'two c');
});

test('idle keep-alive connections go over to the next version', async (t) => {
  const app = await Application.start(t, FILES);
  await app.says('started in');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal(await app.get('/', agent), 'one');
  const [socket] = Object.values(agent.freeSockets).flat();
  app.write({ 'src/body.js': body('two') });
  await app.says('reloaded in');
  assert.equal(await app.get('/', agent), 'two');
  assert.equal(Object.values(agent.freeSockets).flat()[0], socket);
});

test('a port that the old version gives up meanwhile stays open for the next one', async (t) => {
  const main = `
    import http from 'node:http';
    import { existsSync } from 'node:fs';
    import { body } from './body.js';
    console.log('begins ' + body);
    while (body === 'two' && !existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 10));
    const server = http.createServer((request, response) => {
      response.setHeader('connection', 'close').end(body);
      if (request.url === '/close') server.close(() => console.log('closed'));
    });
    server.listen(Number(process.env.PORT), '127.0.0.1');
    setInterval(() => {}, 1_000);`;
  const app = await Application.start(t, { ...FILES, 'src/main.js': main });
  await app.says('started in');
  app.write({ 'src/body.js': body('two') });
  await app.says('begins two');
  assert.equal(await app.get('/close'), 'one');
  await app.says('closed');
  const waits = app.get();
  app.write({ go: '' });
  assert.equal(await waits, 'two');
  await app.says('reloaded in');
  assert.equal(await app.get(), 'two');
});

test('how its process was begun is nothing to the application', async (t) => {
  const main = `
    import { body } from './body.js';
    import { fork } from 'node:child_process';
    import http from 'node:http';
    import p from 'p';
    fork('src/child.js').once('message', (child) => {
      const told = JSON.stringify([body, p, process.execArgv, child, process.env.NODE_OPTIONS ?? null]);
      http.createServer((_, response) => response.end(told)).listen(Number(process.env.PORT), '127.0.0.1');
    });`;
  const app = await Application.start(t, {
    'package.json': '{"type": "module", "dependencies": {"p": "1"}}',
    'node_modules/p/package.json': '{"type": "module", "exports": "./index.js"}',
    'node_modules/p/index.js': 'export default 1;',
    'src/main.js': main,
    'src/child.js': 'process.send(process.execArgv, () => process.disconnect());',
    'src/body.js': body('one'),
  });
  await app.says('started in');
  let at = 0;
  for (const text of ['one', 'two', 'three']) {
    if (text !== 'one') {
      app.write({ 'src/body.js': body(text) });
      at = await app.says('reloaded in', at);
    }
    assert.deepEqual(JSON.parse(await app.get()), [text, 1, [], [], null]);
  }
});

test('connections wait for the next version, up to the limit', async (t) => {
  const files = { ...FILES, 'src/main.js': `import { delay } from './delay.js';\nawait delay;\n${SERVER}` };
  const wait = (ms) => ({ 'src/delay.js': `export const delay = new Promise((resolve) => setTimeout(resolve, ${ms}));\n` });
  const app = await Application.start(t, { ...files, ...wait(0) }, { overlap: false, hold_ms: 700 });
  await app.says('started in');
  // The old version has gone when the next one is about to start.
  app.write(wait(3_000));
  await app.says('told to stop');
  await assert.rejects(app.get());
  let at = await app.says('reloaded in');
  app.write(wait(200));
  at = await app.says('told to stop', at);
  assert.equal(await app.get(), 'one');
});

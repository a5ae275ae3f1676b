import 'reflect-metadata';
import type { Server } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { InvalidEnvironmentError, parseEnvironment } from './config/environment.js';

const SHUTDOWN_TIMEOUT_MS = 4_000;

async function main(): Promise<void> {
  const environment = parseEnvironment(process.env);
  const app = await NestFactory.create(AppModule.configure(environment));
  // As PID 1 of a container the process would survive a signal it sends to
  // itself, so it has to leave through process.exit.
  app.enableShutdownHooks([], { useProcessExit: true });
  const server: Server = app.getHttpServer();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => hurryUp(server));
  await app.listen(environment.port);
}

/** Keeps a shutdown, which Nest does, from waiting for what need not be waited for. */
function hurryUp(server: Server): void {
  // Node closes the connections that are idle when the server closes, but not
  // those that become idle when their last response has been sent.
  setInterval(() => server.closeIdleConnections(), 50).unref();
  // A request or a dependency that hangs must not hold the process until the
  // engine kills it.
  setTimeout(() => process.exit(1), SHUTDOWN_TIMEOUT_MS).unref();
}

main().catch((error: unknown) => {
  // What to correct matters here, not where the code noticed.
  console.error(error instanceof InvalidEnvironmentError ? error.message : error);
  process.exit(1);
});

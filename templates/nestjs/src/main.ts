import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { InvalidEnvironmentError, parseEnvironment } from './config/environment.js';

async function main(): Promise<void> {
  const environment = parseEnvironment(process.env);
  const app = await NestFactory.create(AppModule.configure(environment));
  // As PID 1 of a container the process would survive a signal it sends to
  // itself, so it has to leave through process.exit.
  app.enableShutdownHooks([], { useProcessExit: true });
  await app.listen(environment.port);
}

main().catch((error: unknown) => {
  // What to correct matters here, not where the code noticed.
  console.error(error instanceof InvalidEnvironmentError ? error.message : error);
  process.exit(1);
});

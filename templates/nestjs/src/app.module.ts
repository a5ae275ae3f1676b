import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule } from './config/config.module.js';
import type { Environment } from './config/environment.js';
import { HealthModule } from './health/health.module.js';
import { NotesModule } from './notes/notes.module.js';

@Module({ imports: [HealthModule, NotesModule] })
export class AppModule {
  static configure(environment: Environment): DynamicModule {
    return { module: AppModule, imports: [ConfigModule.with(environment)] };
  }
}

import { Injectable, Logger, type OnApplicationShutdown, ServiceUnavailableException } from '@nestjs/common';
import { type ClientBase, DatabaseError, Pool, type QueryResultRow } from 'pg';
import { Environment } from '../../config/environment.js';
import { describeError } from '../describe-error.js';
import { SCHEMA } from './schema.js';

@Injectable()
export class PostgresClient implements OnApplicationShutdown {
  private readonly logger = new Logger(PostgresClient.name);
  private readonly pool: Pool;

  constructor(environment: Environment) {
    this.pool = new Pool({
      connectionString: environment.databaseUrl,
      application_name: 'notes-api',
      connectionTimeoutMillis: 3_000,
      query_timeout: 5_000,
      // On every new connection, so that a database that was replaced by an
      // empty one while the application ran gets its schema too.
      onConnect: createSchema,
    });
    // A server that restarts drops the idle connections. Without a listener
    // that ends the process; the pool opens new ones by itself.
    this.pool.on('error', (error) => this.logger.warn(`lost a connection: ${error.message}`));
  }

  async query<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      const result = await this.pool.query<Row>(text, [...values]);
      return result.rows;
    } catch (error) {
      if (isOurFault(error)) throw error;
      this.logger.warn(describeError(error));
      throw new ServiceUnavailableException(`the database is not available: ${describeError(error)}`);
    }
  }

  async ping(): Promise<void> {
    await this.pool.query('select 1');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end();
  }
}

/** Whether the server was there and refused the statement, rather than to serve at all. */
function isOurFault(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false;
  // Class 57 is "operator intervention": shutting down, starting up; 53 is out of connections or space.
  return !/^(57|53)/.test(error.code ?? '');
}

async function createSchema(client: ClientBase): Promise<void> {
  await client.query(SCHEMA);
}

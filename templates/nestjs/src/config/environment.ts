/** The configuration of the application, complete and checked. */
export class Environment {
  constructor(
    readonly port: number,
    readonly databaseUrl: string,
    readonly redisUrl: string,
    readonly meilisearchUrl: string,
    readonly meilisearchApiKey: string,
    readonly rabbitmqUrl: string,
  ) {}
}

/** Lists everything that is wrong at once, by name: the values may hold passwords. */
export class InvalidEnvironmentError extends Error {
  constructor(problems: readonly string[]) {
    super(`the environment is not complete:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

const DEFAULT_PORT = 3001;

export function parseEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const problems: string[] = [];

  function text(name: string): string {
    const value = variables[name]?.trim() ?? '';
    if (value === '') problems.push(`${name} is missing`);
    return value;
  }

  function url(name: string, ...schemes: string[]): string {
    const value = text(name);
    if (value !== '' && !(URL.canParse(value) && schemes.includes(new URL(value).protocol))) {
      problems.push(`${name} is not a URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`);
    }
    return value;
  }

  function port(name: string): number {
    const value = variables[name]?.trim() || String(DEFAULT_PORT);
    const number = /^\d{1,5}$/.test(value) ? Number(value) : 0;
    if (number < 1 || number > 65_535) problems.push(`${name} is not a port number between 1 and 65535`);
    return number;
  }

  const environment = new Environment(
    port('PORT'),
    url('DATABASE_URL', 'postgres:', 'postgresql:'),
    url('REDIS_URL', 'redis:', 'rediss:'),
    url('MEILISEARCH_URL', 'http:', 'https:'),
    text('MEILISEARCH_API_KEY'),
    url('RABBITMQ_URL', 'amqp:', 'amqps:'),
  );
  if (problems.length > 0) throw new InvalidEnvironmentError(problems);
  return environment;
}

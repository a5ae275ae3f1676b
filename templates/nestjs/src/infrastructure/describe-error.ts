/** One line for people. Clients wrap what happened, and some wrappers have no message of their own. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describeError(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return describeError(error.cause);
  return error.message || ('code' in error ? String(error.code) : error.name);
}

// The runner's own lines in the container's log.

/** Writes a line to standard output. */
export function say(text) {
  process.stdout.write(`devstack: ${text}\n`);
}

/** Writes lines to standard error. */
export function complain(text) {
  process.stderr.write(`devstack: ${text}\n`);
}

/** Milliseconds as a person reads them. */
export function milliseconds(value) {
  return value < 10 ? `${Math.round(value * 10) / 10}` : `${Math.round(value)}`;
}

/** At most three names, and how many there are beyond. */
export function names(list) {
  const shown = list.slice(0, 3).join(', ');
  return list.length > 3 ? `${shown} and ${list.length - 3} more` : shown;
}

// Reads `tsconfig.json` without TypeScript: JSON with comments, and `extends`.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';

/** Options whose values are paths, relative to the file that says them. */
const PATHS = ['rootDir', 'outDir', 'baseUrl'];

/**
 * The compiler options of a file and of all that it extends.
 * @returns `{ options, files }`, `files` being all that were read
 */
export function readTsconfig(file) {
  const files = [];
  return { options: optionsOf(file, files), files };
}

function optionsOf(file, files) {
  if (files.includes(file)) throw new Error(`${file} extends itself`);
  files.push(file);
  const { extends: bases = [], compilerOptions = {} } = parseJsonc(readFileSync(file, 'utf8'), file);
  const options = {};
  for (const base of [bases].flat()) Object.assign(options, optionsOf(find(base, file), files));
  for (const [name, value] of Object.entries(compilerOptions)) {
    options[name] = PATHS.includes(name) ? resolve(dirname(file), value) : value;
  }
  // `paths` is relative to `baseUrl`, or else to the file that says it.
  if (compilerOptions.paths && !options.baseUrl) options.pathsBase = dirname(file);
  return options;
}

function find(base, from) {
  if (base.startsWith('.') || isAbsolute(base)) {
    const file = resolve(dirname(from), base);
    return existsSync(file) || file.endsWith('.json') ? file : `${file}.json`;
  }
  const require = createRequire(from);
  for (const name of [base, `${base}.json`, join(base, 'tsconfig.json')]) {
    try {
      return require.resolve(name);
    } catch {
      // The next way to write it.
    }
  }
  throw new Error(`${from} extends ${base}, which is not installed`);
}

/** Parses JSON with comments and trailing commas. */
export function parseJsonc(text, file = 'the file') {
  let plain = '';
  for (let at = 0; at < text.length; ) {
    const two = text.slice(at, at + 2);
    if (text[at] === '"') {
      const end = closingQuote(text, at);
      plain += text.slice(at, end);
      at = end;
    } else if (two === '//') {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
    } else if (two === '/*') {
      const end = text.indexOf('*/', at + 2);
      at = end < 0 ? text.length : end + 2;
    } else {
      // A comma before a closing bracket.
      if (text[at] === '}' || text[at] === ']') plain = plain.replace(/,\s*$/, '');
      plain += text[at];
      at += 1;
    }
  }
  try {
    return JSON.parse(plain.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`${file}: ${error.message}`);
  }
}

function closingQuote(text, from) {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

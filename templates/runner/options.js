// What devstack says about the service: a file beside the runner, with every value given.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './place.js';

const DEFAULTS = {
  entry: null,
  paths: [],
  watch: true,
  preload: true,
  types: true,
  overlap: true,
  inspect: null,
  hold_ms: 10_000,
  grace_ms: 2_000,
  stop_ms: 10_000,
  restart: 'no',
  service: null,
};

export function readOptions(file = process.env.DEVSTACK_RUNNER_OPTIONS ?? join(folder, 'options.json')) {
  try {
    return { ...DEFAULTS, ...JSON.parse(readFileSync(file, 'utf8')) };
  } catch (error) {
    if (error.code === 'ENOENT') return DEFAULTS;
    throw new Error(`${file}: ${error.message}`);
  }
}

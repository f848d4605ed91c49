// Import the data sets with `largetable import`.
//   node import.js [--uri mongodb://127.0.0.1:27017] [--largetable ../build/release/largetable]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import * as data from './data.js';

export const options = () => parseArgs({
  options: {
    uri: { type: 'string', default: 'mongodb://127.0.0.1:27017' },
    largetable: { type: 'string', default: process.env.EXAMPLES_PROGRAM ?? 'largetable' },
  },
}).values;

// Run `largetable import FILE`; what `documents` yields goes to its standard input as NDJSON.
async function run({ largetable, uri }, file, collection, documents) {
  const child = spawn(largetable,
    ['import', file, '--uri', `${uri}/examples`, '--collection', collection, '--drop'],
    { stdio: [documents ? 'pipe' : 'ignore', 'inherit', 'inherit'] });
  const ended = once(child, 'exit');
  for (const document of documents ?? []) {
    if (!child.stdin.write(JSON.stringify(document) + '\n')) {
      await Promise.race([once(child.stdin, 'drain'), ended]);
    }
  }
  child.stdin?.end();
  const [status] = await ended;
  if (status !== 0) {
    throw new Error(`${collection}: largetable import ended with ${status}`);
  }
}

export async function importAll(settings) {
  await run(settings, data.countriesFile, 'countries');
  await run(settings, data.moviesFile, 'movies');
  await run(settings, data.airportsFile, 'airports');
  // The package keeps the cities as a protocol buffer: its own reader gives the documents.
  await run(settings, '-', 'cities', data.cities());
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await importAll(options());
}

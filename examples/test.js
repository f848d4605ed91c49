// Start a server in a directory of its own, import everything, compare every answer with one
// computed from the raw data.
//   node --test test.js       with EXAMPLES_PROGRAM=path of the program
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { MongoClient } from 'mongodb';
import * as data from './data.js';
import { importAll } from './import.js';
import { queries } from './queries.js';

const largetable = process.env.EXAMPLES_PROGRAM ?? 'largetable';
const directory = mkdtempSync(join(tmpdir(), 'largetable-examples-'));
const raw = {};
let server;
let client;

async function start() {
  server = spawn(largetable, ['serve', '--dbpath', join(directory, 'data'), '--port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const line of createInterface({ input: server.stderr })) {
    const found = /listening on \S+ port (\d+)/.exec(line);
    if (found) {
      server.stderr.resume();
      return `mongodb://127.0.0.1:${found[1]}`;
    }
  }
  throw new Error('the server did not start');
}

before(async () => {
  const uri = await start();
  await importAll({ largetable, uri });
  client = await MongoClient.connect(uri, { directConnection: true });
  for (const name of ['cities', 'countries', 'movies', 'airports']) {
    raw[name] = data[name]();
  }
});

after(async () => {
  await client?.close();
  if (server !== undefined && server.exitCode === null) {
    server.kill('SIGTERM');
    const [status] = await once(server, 'exit');
    assert.equal(status, 0);
  }
  rmSync(directory, { recursive: true });
});

for (const name of ['cities', 'countries', 'movies', 'airports']) {
  test(`every document of ${name} is there`, async () => {
    assert.equal(await client.db('examples').collection(name).countDocuments(), raw[name].length);
  });
}

test('documents come back as they were', async () => {
  const found = await client.db('examples').collection('cities')
    .find({}, { projection: { _id: 0 } }).sort({ cityId: 1 }).toArray();
  assert.deepEqual(found, JSON.parse(JSON.stringify([...raw.cities]
    .sort((a, b) => a.cityId - b.cityId))));
});

for (const { title, ask, answer } of queries) {
  test(title, async () => {
    assert.deepEqual(await ask(client.db('examples')), answer(raw));
  });
}

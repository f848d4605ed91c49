// failing.mjs DRIVER - what the Node driver does when a command fails, as its own suites make it fail: tries again, times out,
// follows the topology; and what it asks of a session that is causal, and of a stable API.
import assert from 'node:assert/strict';
import { once } from 'node:events';

const { MongoClient, ServerApiVersion } = await import(process.argv[2] ?? 'mongodb');
const options = { serverSelectionTimeoutMS: 20000, heartbeatFrequencyMS: 1000 };
const control = new MongoClient(process.env.LARGETABLE_URI, options);

// Run `work` with a client of its own, and return the commands that it sent: [{name, command, failed}].
async function watched(settings, work) {
  const client = new MongoClient(process.env.LARGETABLE_URI, { ...options, monitorCommands: true, ...settings });
  const sent = [];
  client.on('commandStarted', (e) => sent.push({ id: e.requestId, name: e.commandName, command: e.command }));
  client.on('commandFailed', (e) => { sent.find((one) => one.id === e.requestId).failed = e.failure; });
  client.on('commandSucceeded', (e) => { sent.find((one) => one.id === e.requestId).reply = e.reply; });
  try {
    await client.connect();
    await work(client.db('failing').collection('c'), client);
  } finally {
    await client.close();
  }
  return sent;
}

const fail = (mode, data) => control.db('admin').command({ configureFailPoint: 'failCommand', mode, data });
const named = (sent, name) => sent.filter((one) => one.name === name);

async function readsAgain() {
  for (const how of [{ closeConnection: true }, { errorCode: 10107 }, { errorCode: 91 }, { errorCode: 6 }]) {
    await fail({ times: 1 }, { failCommands: ['find'], ...how });
    const sent = named(await watched({}, async (c) => assert.deepEqual(await c.find({ _id: 'none' }).toArray(), [])), 'find');
    assert.equal(sent.length, 2, JSON.stringify(how));
    assert.ok(sent[0].failed && sent[1].reply);
  }
  await fail({ times: 1 }, { failCommands: ['find'], errorCode: 2 });
  await watched({}, (c) => assert.rejects(c.findOne({}), { code: 2 }));
}

async function writesAgain(c) {
  for (const how of [{ closeConnection: true }, { errorCode: 10107 }, { errorCode: 91 }, { errorCode: 11602 },
    { errorCode: 2, errorLabels: ['RetryableWriteError'] }, { writeConcernError: { code: 91, errmsg: 'x' } }]) {
    await c.deleteMany({});
    await fail({ times: 1 }, { failCommands: ['insert'], ...how });
    const sent = named(await watched({}, (mine) => mine.insertOne({ _id: 1 })), 'insert');
    assert.equal(sent.length, 2, JSON.stringify(how));
    assert.equal(String(sent[0].command.txnNumber), String(sent[1].command.txnNumber));
    assert.equal(await c.countDocuments({}), 1); // also where the first one was done
  }
  await fail({ times: 1 }, { failCommands: ['insert'], errorCode: 10107, errorLabels: [] });
  await watched({}, async (mine) => {
    const error = await mine.insertOne({ _id: 2 }).catch((e) => e);
    assert.equal(error.code, 10107);
    assert.ok(!error.hasErrorLabel('RetryableWriteError'));
  });
  await fail({ times: 2 }, { failCommands: ['insert'], errorCode: 10107 });
  await watched({}, async (mine) => {
    const error = await mine.insertOne({ _id: 2 }).catch((e) => e);
    assert.ok(error.hasErrorLabel('RetryableWriteError') && error.hasErrorLabel('NoWritesPerformed'));
  });
  assert.equal(await c.countDocuments({}), 1);
}

async function timesOut() {
  await fail('alwaysOn', { failCommands: ['find'], blockConnection: true, blockTimeMS: 400, appName: 'slow' });
  await watched({ appName: 'slow' }, (c) => assert.rejects(c.find({}, { maxTimeMS: 50 }).toArray(), { code: 50 }));
  await watched({ appName: 'slow', socketTimeoutMS: 100, retryReads: false }, (c) =>
    assert.rejects(c.find({}).toArray(), { name: 'MongoNetworkTimeoutError' }));
  await fail('alwaysOn', { failCommands: ['find'], blockConnection: true, blockTimeMS: 60000, appName: 'slow' });
  await watched({ appName: 'another', socketTimeoutMS: 30000 }, (c) => c.find({ _id: 'none' }).toArray());
  await fail('off', {});
}

async function followsTheTopology() {
  await watched({ retryWrites: false }, async (c, client) => {
    await c.findOne({});
    const seen = [];
    client.on('topologyDescriptionChanged', (e) => seen.push(e.newDescription.type));
    await control.db('admin').command({ replSetStepDown: 30, force: true });
    const pending = c.insertOne({ _id: 'after' }, {}).catch((e) => e); // waits for a primary, or hears that there is none
    while (!seen.includes('ReplicaSetNoPrimary')) {
      await once(client, 'topologyDescriptionChanged');
    }
    await c.find({ _id: 'none' }, { readPreference: 'secondary' }).toArray();
    await control.db('admin').command({ replSetFreeze: 0 }, { readPreference: 'secondary' });
    const done = await pending;
    assert.ok(done.insertedId === 'after' || done.code === 10107, done);
    await c.insertOne({ _id: 'again' });
  });
}

async function isCausal() {
  const sent = await watched({}, (c, client) => client.withSession({ causalConsistency: true }, async (session) => {
    await c.insertOne({ _id: 'causal' }, { session });
    assert.ok(await c.findOne({ _id: 'causal' }, { session, readConcern: { level: 'majority' } }));
  }));
  const [insert] = named(sent, 'insert');
  const [find] = named(sent, 'find');
  assert.deepEqual(find.command.readConcern.afterClusterTime, insert.reply.operationTime);
  assert.ok(find.reply.operationTime.greaterThanOrEqual(insert.reply.operationTime));
}

async function isStable() {
  await watched({ serverApi: { version: ServerApiVersion.v1, strict: true, deprecationErrors: true } }, async (c, client) => {
    await c.insertMany([{ s: 1 }, { s: 1 }, { s: 1 }]);
    assert.equal((await c.find({ s: 1 }).batchSize(2).toArray()).length, 3); // a getMore in it
    assert.equal((await c.aggregate([{ $match: { s: 1 } }, { $count: 'n' }]).toArray())[0].n, 3);
    await assert.rejects(c.distinct('s'), { code: 323 });
    await assert.rejects(client.db('admin').command({ serverStatus: 1 }), { code: 323 });
  });
}

await control.connect();
for (const step of [readsAgain, writesAgain, timesOut, followsTheTopology, isCausal, isStable]) {
  await step(control.db('failing').collection('c'));
  console.log(`ok ${step.name}`);
}
await control.close();

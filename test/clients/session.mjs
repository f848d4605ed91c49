// session.mjs DRIVER - the Node driver's session: everything an application does on its first day.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Readable, Writable } from 'node:stream';

const { MongoClient, GridFSBucket, MongoServerError, Decimal128, Long, ObjectId, Timestamp } =
  await import(process.argv[2] ?? 'mongodb');
const client = new MongoClient(process.env.LARGETABLE_URI, { serverSelectionTimeoutMS: 10000 });

async function crud(db) {
  const c = db.collection('crud');
  const { insertedId } = await c.insertOne({ name: 'ada', born: new Date(0), n: 1 });
  assert.ok(insertedId instanceof ObjectId);
  assert.deepEqual(await c.findOne({ _id: insertedId }), {
    _id: insertedId, name: 'ada', born: new Date(0), n: 1,
  });
  const updated = await c.updateOne({ name: 'ada' }, { $inc: { n: 2 }, $set: { 'a.b': [1, 2] } });
  assert.equal(updated.modifiedCount, 1);
  assert.deepEqual((await c.findOne({ 'a.b': 2 })).a, { b: [1, 2] });
  const upserted = await c.updateOne({ name: 'bob' }, { $set: { n: 9 } }, { upsert: true });
  assert.equal(upserted.upsertedCount, 1);
  assert.equal((await c.replaceOne({ name: 'bob' }, { name: 'rob' })).matchedCount, 1);
  const before = await c.findOneAndUpdate({ name: 'rob' }, { $set: { seen: true } });
  assert.equal((before.value ?? before).seen, undefined);
  const after = await c.findOneAndUpdate(
    { name: 'rob' }, { $unset: { seen: '' } }, { returnDocument: 'after' });
  assert.equal((after.value ?? after).name, 'rob');
  assert.equal((await c.deleteMany({})).deletedCount, 2);
}

async function types(db) {
  const c = db.collection('types');
  const doc = {
    _id: 1, double: 1.5, string: 'grüße 🌍', object: { a: { b: null } }, array: [1, [2]],
    binary: Buffer.from([1, 2, 3]), id: new ObjectId(), yes: true, date: new Date(1e12),
    regex: /a.*b/i, int: 42, long: Long.fromString('9007199254740993'),
    decimal: Decimal128.fromString('0.10'), stamp: new Timestamp({ t: 1, i: 2 }),
  };
  await c.insertOne(doc);
  const got = await c.findOne({ _id: 1 }, { promoteLongs: false, promoteBuffers: true });
  assert.equal(got.long.toString(), '9007199254740993');
  assert.equal(got.decimal.toString(), '0.10');
  assert.equal(got.string, doc.string);
  assert.deepEqual(Buffer.from(got.binary), doc.binary);
  assert.equal(got.regex.source ?? got.regex.pattern, 'a.*b');
  for (const filter of [{ long: doc.long }, { decimal: doc.decimal }, { regex: doc.regex },
    { array: [2] }, { 'object.a.b': null }, { date: { $gte: new Date(0) } }]) {
    assert.equal(await c.countDocuments(filter), 1, JSON.stringify(filter));
  }
}

async function bulk(db) {
  const c = db.collection('bulk');
  const result = await c.bulkWrite([
    { insertOne: { document: { _id: 1, v: 1 } } },
    { insertOne: { document: { _id: 2, v: 2 } } },
    { updateOne: { filter: { _id: 1 }, update: { $inc: { v: 10 } } } },
    { updateMany: { filter: {}, update: { $set: { seen: 1 } } } },
    { replaceOne: { filter: { _id: 3 }, replacement: { v: 3 }, upsert: true } },
    { deleteOne: { filter: { _id: 2 } } },
  ]);
  assert.equal(result.insertedCount, 2);
  assert.equal(result.modifiedCount, 3);
  assert.equal(result.upsertedCount, 1);
  assert.equal(result.deletedCount, 1);
  const failed = await c.bulkWrite(
    [1, 5, 1, 6].map((_id) => ({ insertOne: { document: { _id } } })), { ordered: false },
  ).catch((error) => error);
  assert.equal(failed.code, 11000);
  assert.equal(failed.writeErrors.length, 2);
  assert.equal(await c.countDocuments({}), 4);
}

/* Of the client: operations in any collections, by the command bulkWrite. */
async function bulkOfClient(db) {
  const [one, two] = ['one', 'two'].map((name) => `${db.databaseName}.${name}`);
  const models = [
    { namespace: one, name: 'insertOne', document: { _id: 1, v: 1 } },
    { namespace: two, name: 'insertOne', document: { _id: 1 } },
    { namespace: one, name: 'updateOne', filter: { _id: 1 }, update: { $inc: { v: 10 } } },
    { namespace: two, name: 'replaceOne', filter: { _id: 2 }, replacement: { v: 2 }, upsert: true },
    { namespace: two, name: 'deleteMany', filter: { _id: 1 } },
  ];
  const result = await client.bulkWrite(models, { verboseResults: true });
  assert.equal(result.insertedCount, 2);
  assert.equal(result.modifiedCount, 1);
  assert.equal(result.upsertedCount, 1);
  assert.equal(result.deletedCount, 1);
  assert.equal(result.updateResults.get(3).upsertedId, 2);
  const failed = await client.bulkWrite(models.slice(0, 3), { ordered: false }).catch((error) => error);
  assert.deepEqual([...failed.writeErrors.keys()], [0]);
  const many = Array.from({ length: 3000 }, (_, i) => ({ namespace: two, name: 'insertOne', document: { i } }));
  assert.equal((await client.bulkWrite(many, { verboseResults: true })).insertResults.size, 3000);
}

async function cursors(db) {
  const c = db.collection('cursors');
  const docs = Array.from({ length: 10000 }, (_, i) => ({ _id: i, m: i % 7, pad: 'x'.repeat(100) }));
  assert.equal((await c.insertMany(docs)).insertedCount, 10000);
  let seen = 0;
  for await (const doc of c.find({}).sort({ _id: 1 }).batchSize(333)) {
    assert.equal(doc._id, seen++);
  }
  assert.equal(seen, 10000);
  const page = await c.find({ m: 3 }).sort({ _id: -1 }).skip(5).limit(10).project({ _id: 1 }).toArray();
  assert.equal(page.length, 10);
  assert.deepEqual(Object.keys(page[0]), ['_id']);
  const early = c.find({}).batchSize(10);
  await early.next();
  await early.close();
  assert.equal(await c.estimatedDocumentCount(), 10000);
  assert.deepEqual(await c.distinct('m'), [0, 1, 2, 3, 4, 5, 6]);
}

async function indexes(db) {
  const c = db.collection('indexes');
  assert.equal(await c.createIndex({ email: 1 }, { unique: true }), 'email_1');
  await c.insertMany([{ email: 'a@x', tags: ['red', 'blue'] }, { email: 'b@x', tags: ['blue'] }]);
  const error = await c.insertOne({ email: 'a@x' }).catch((e) => e);
  assert.ok(error instanceof MongoServerError);
  assert.equal(error.code, 11000);
  assert.deepEqual(error.keyPattern, { email: 1 });
  assert.deepEqual(error.keyValue, { email: 'a@x' });
  assert.match(error.message, /^E11000 duplicate key error collection: .*indexes index: email_1 dup key: \{ email: "a@x" \}/);
  await c.createIndexes([{ key: { tags: 1, email: -1 } }, { key: { n: 1 }, sparse: true }]);
  assert.equal(await c.countDocuments({ tags: 'blue' }, { hint: 'tags_1_email_-1' }), 2);
  const names = (await c.indexes()).map((index) => index.name).sort();
  assert.deepEqual(names, ['_id_', 'email_1', 'n_1', 'tags_1_email_-1']);
  await c.dropIndex('n_1');
  assert.equal(await c.indexExists('n_1'), false);
  const missing = await c.dropIndex('nope').catch((e) => e);
  assert.equal(missing.code, 27);
}

async function aggregation(db) {
  const c = db.collection('sales');
  await c.insertMany(Array.from({ length: 1000 }, (_, i) => ({
    item: `item${i % 10}`, qty: i % 13, price: (i % 100) / 4, at: new Date(i * 3600e3), tags: ['a', `t${i % 3}`],
  })));
  const byItem = await c.aggregate([
    { $match: { qty: { $gte: 5 } } },
    { $group: { _id: '$item', n: { $sum: 1 }, total: { $sum: { $multiply: ['$qty', '$price'] } } } },
    { $sort: { _id: 1 } },
  ]).toArray();
  const expected = {};
  for (let i = 0; i < 1000; i++) {
    if (i % 13 >= 5) {
      const row = (expected[`item${i % 10}`] ??= { n: 0, total: 0 });
      row.n++;
      row.total += (i % 13) * ((i % 100) / 4);
    }
  }
  assert.deepEqual(byItem, Object.keys(expected).sort().map((_id) => ({ _id, ...expected[_id] })));
  const tags = await c.aggregate([{ $unwind: '$tags' }, { $sortByCount: '$tags' }, { $limit: 1 }]).toArray();
  assert.deepEqual(tags, [{ _id: 'a', count: 1000 }]);
  const months = await c.aggregate([
    { $project: { month: { $dateToString: { date: '$at', format: '%Y-%m' } } } },
    { $group: { _id: '$month', n: { $sum: 1 } } }, { $sort: { _id: 1 } }]).toArray();
  assert.equal(months[0]._id, '1970-01');
  assert.equal(months[0].n, 744);
}

async function gridfs(db) {
  const bucket = new GridFSBucket(db);
  const content = randomBytes(20 * 1024 * 1024);
  const upload = bucket.openUploadStream('big.bin');
  await pipeline(Readable.from([content]), upload);
  const hash = createHash('sha256');
  await pipeline(bucket.openDownloadStreamByName('big.bin'), new Writable({
    write(chunk, _, done) { hash.update(chunk); done(); },
  }));
  assert.equal(hash.digest('hex'), createHash('sha256').update(content).digest('hex'));
  await bucket.delete(upload.id);
  assert.equal(await db.collection('fs.chunks').countDocuments({}), 0);
}

async function catalog(db) {
  await db.createCollection('made');
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map((c) => c.name);
  assert.ok(names.includes('made'));
  await db.renameCollection('made', 'renamed');
  await db.dropCollection('renamed');
  assert.ok((await db.stats()).collections > 0);
  const { databases } = await db.admin().listDatabases();
  assert.ok(databases.some((d) => d.name === db.databaseName));
  await db.dropDatabase();
}

async function sessions() {
  await client.withSession(async (session) => {
    const c = client.db('session_db').collection('s');
    await c.insertOne({ _id: 1 }, { session });
    assert.ok(await c.findOne({ _id: 1 }, { session }));
  });
  const hello = await client.db('admin').command({ hello: 1 });
  assert.equal(hello.setName, 'rs0');
  const unknown = await client.db('admin').command({ nonsense: 1 }).catch((e) => e);
  assert.equal(unknown.code, 59);
}

async function parallel(db) {
  const c = db.collection('parallel');
  await c.insertOne({ _id: 'counter', n: 0 });
  await Promise.all(Array.from({ length: 200 }, () => c.updateOne({ _id: 'counter' }, { $inc: { n: 1 } })));
  assert.equal((await c.findOne({ _id: 'counter' })).n, 200);
}

await client.connect();
const db = client.db('session');
for (const step of [crud, types, bulk, bulkOfClient, cursors, indexes, aggregation, parallel, gridfs, sessions, catalog]) {
  await step(db);
  console.log(`ok ${step.name}`);
}
await client.close();

// mongosh.js - a first session in the shell, as the README shows it.
function expect(what, value, wanted) {
  if (EJSON.stringify(value) !== EJSON.stringify(wanted)) {
    throw new Error(`${what}: ${EJSON.stringify(value)} instead of ${EJSON.stringify(wanted)}`);
  }
  print(`ok ${what}`);
}

db = db.getSiblingDB('shell');
expect('ping', db.runCommand({ ping: 1 }).ok, 1);
db.people.insertMany([{ _id: 1, name: 'Ada', tags: ['math'] }, { _id: 2, name: 'Grace', tags: ['navy', 'math'] }]);
expect('find', db.people.find({ tags: 'math' }).sort({ name: 1 }).toArray().length, 2);
expect('update', db.people.updateOne({ _id: 1 }, { $set: { born: 1815 } }).modifiedCount, 1);
expect('index', db.people.createIndex({ name: 1 }), 'name_1');
expect('getIndexes', db.people.getIndexes().map((i) => i.name), ['_id_', 'name_1']);
expect('aggregate', db.people.aggregate([{ $unwind: '$tags' }, { $group: { _id: '$tags', n: { $sum: 1 } } }, { $sort: { _id: 1 } }]).toArray(),
  [{ _id: 'math', n: 2 }, { _id: 'navy', n: 1 }]);
expect('collections', db.getCollectionNames(), ['people']);
expect('databases', db.adminCommand({ listDatabases: 1, nameOnly: true }).databases.map((d) => d.name), ['config', 'local', 'shell']);
expect('stats', db.stats().objects, 2);
expect('collection stats', db.people.stats().count, 2);
expect('count', db.people.countDocuments({}), 2);
expect('server status', db.serverStatus().ok, 1);
expect('host info', db.hostInfo().ok, 1);
expect('build info', db.version().split('.').length, 3);
expect('set status', rs.status().members.map((m) => m.stateStr), ['PRIMARY']);
expect('set configuration', rs.conf().members.map((m) => m.host), [db.hello().me]);
db.adminCommand({ replSetStepDown: 60, force: true });
expect('stepped down', db.hello().isWritablePrimary, false);
rs.freeze(0);
while (!db.hello().isWritablePrimary); // a few times
expect('explain', db.people.find({ name: 'Ada' }).explain().ok, 1);
expect('delete', db.people.deleteMany({}).deletedCount, 2);
expect('drop', db.people.drop(), true);
expect('dropDatabase', db.dropDatabase().ok, 1);

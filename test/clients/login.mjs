// login.mjs DRIVER - the Node driver logs in: both mechanisms, wrong passwords, no rights.
import assert from 'node:assert/strict';

const { MongoClient } = await import(process.argv[2]);
const password = process.env.LARGETABLE_PASSWORD;

async function with_client(auth, work) {
  const client = new MongoClient(`mongodb://127.0.0.1:${process.env.LARGETABLE_PORT}/`, {
    serverSelectionTimeoutMS: 10000, auth: { username: 'ada', password }, authSource: 'shop', ...auth,
    ...JSON.parse(process.env.LARGETABLE_OPTIONS),
  });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

for (const mechanism of [undefined, 'SCRAM-SHA-1', 'SCRAM-SHA-256']) {
  const chosen = mechanism ? { authMechanism: mechanism } : {};
  await with_client(chosen, async (client) => {
    const orders = client.db('shop').collection('orders');
    await Promise.all(Array.from({ length: 20 }, (_, n) => orders.insertOne({ n })));
    assert.ok((await orders.find().batchSize(3).toArray()).length >= 20);
    const error = await client.db('other').collection('c').findOne().catch((e) => e);
    assert.equal(error.code, 13);
    assert.match(error.message, /^not authorized on other to execute command { find: "c"/);
    const { authInfo } = await client.db('shop').command({ connectionStatus: 1, showPrivileges: true });
    assert.deepEqual(authInfo.authenticatedUsers, [{ user: 'ada', db: 'shop' }]);
    assert.ok(authInfo.authenticatedUserPrivileges[0].actions.includes('insert'));
  });
  await with_client({ ...chosen, auth: { username: 'ada', password: 'wrong' } }, async (client) => {
    const error = await client.db('shop').collection('c').findOne().catch((e) => e);
    assert.equal(error.code, 18);
  });
}

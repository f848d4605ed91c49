// counter.mjs - the Node driver counts by retryable writes; a line for each answer, until stdin ends.
import { createRequire } from 'node:module';

const require = createRequire(process.env.CRASH_MODULES + '/');
const { MongoClient } = require('mongodb');
const client = new MongoClient(process.env.LARGETABLE_URI, { serverSelectionTimeoutMS: 30000 });
const counters = client.db('crash').collection('retried');
let stopping = false;

process.stdin.on('end', () => { stopping = true; }).resume();
while (!stopping) {
  try {
    await counters.updateOne({ _id: 'n' }, { $inc: { n: 1 } }, { upsert: true });
    console.log('done');
  } catch (error) {
    console.log(`unknown ${error.message}`);
  }
}
await client.close();

// bank.mjs - mongoose moves money in transactions; a line for each one, until stdin ends.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(process.env.CRASH_MODULES + '/');
const mongoose = require('mongoose');
const Account = mongoose.model('account', new mongoose.Schema({ _id: Number, b: Number }));
let stopping = false;

async function connect() {
  try {
    await mongoose.connect(process.env.LARGETABLE_URI, { dbName: 'crash' });
  } catch {
    await sleep(20); // the server died in the middle of it, which the driver does not try again
    await connect();
  }
}

async function move(session) {
  const from = Math.floor(Math.random() * 6);
  const amount = 1 + Math.floor(Math.random() * 10);
  await Account.updateOne({ _id: from }, { $inc: { b: -amount } }, { session });
  await Account.updateOne({ _id: (from + 1) % 6 }, { $inc: { b: amount } }, { session });
}

process.stdin.on('end', () => { stopping = true; }).resume();
await connect();
while (!stopping) {
  try {
    await mongoose.connection.transaction(move);
    console.log('done');
  } catch {
    await sleep(20); // the server is away, or somebody else moved the same account
  }
}
await mongoose.disconnect();

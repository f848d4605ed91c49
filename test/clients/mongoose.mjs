// mongoose.mjs - schemas, validation, indexes, populate and queries by mongoose.
import assert from 'node:assert/strict';
import mongoose from 'mongoose';

const author = new mongoose.Schema({ name: { type: String, required: true, unique: true }, born: Number });
const book = new mongoose.Schema(
  { title: String, author: { type: mongoose.Types.ObjectId, ref: 'Author' }, tags: [String], stars: [{ by: String, n: Number }] },
  { timestamps: true });
book.index({ title: 1, author: -1 });

await mongoose.connect(process.env.LARGETABLE_URI, { dbName: 'mongoose', serverSelectionTimeoutMS: 10000 });
const Author = mongoose.model('Author', author);
const Book = mongoose.model('Book', book);
await Promise.all([Author.init(), Book.init()]);

const ada = await Author.create({ name: 'Ada', born: 1815 });
await assert.rejects(Author.create({ name: 'Ada' }), (e) => e.code === 11000 && e.keyValue.name === 'Ada');
await assert.rejects(Author.create({ born: 1 }), mongoose.Error.ValidationError);
await Book.insertMany(Array.from({ length: 50 }, (_, i) => ({ title: `t${i}`, author: ada._id, tags: [`g${i % 5}`] })));
console.log('ok create');

const one = await Book.findOne({ title: 't7' }).populate('author');
assert.equal(one.author.name, 'Ada');
one.stars.push({ by: 'x', n: 5 }, { by: 'y', n: 3 });
await one.save();
one.stars[1].n = 4;
one.tags.set(0, 'changed');
await one.save();
assert.equal((await Book.findOne({ 'stars.n': 4 })).tags[0], 'changed');
assert.ok(one.updatedAt >= one.createdAt);
console.log('ok save');

const updated = await Book.findOneAndUpdate({ title: 't8' }, { $push: { tags: 'new' } }, { returnDocument: 'after', new: true });
assert.deepEqual([...updated.tags], ['g3', 'new']);
assert.equal((await Book.updateMany({ tags: 'g1' }, { $addToSet: { tags: 'more' } })).modifiedCount, 10);
assert.equal(await Book.countDocuments({ tags: 'more' }), 10);
assert.equal((await Book.find().sort('-title').skip(3).limit(5).lean()).length, 5);
assert.deepEqual((await Book.distinct('tags', { title: 't8' })).sort(), ['g3', 'new']);
console.log('ok queries');

const grouped = await Book.aggregate([{ $unwind: '$tags' }, { $group: { _id: '$tags', n: { $sum: 1 } } }, { $sort: { n: -1, _id: 1 } }]);
assert.equal(grouped[0].n, 10);
let streamed = 0;
for await (const doc of Book.find().cursor({ batchSize: 7 })) streamed += doc.title ? 1 : 0;
assert.equal(streamed, 50);
await Book.bulkWrite([{ deleteOne: { filter: { title: 't0' } } }, { updateOne: { filter: { title: 'zz' }, update: { $set: { tags: [] } }, upsert: true } }]);
assert.equal(await Book.estimatedDocumentCount(), 50);
assert.deepEqual((await Book.collection.indexes()).map((i) => i.name), ['_id_', 'title_1_author_-1']);
console.log('ok aggregate');
await mongoose.connection.dropDatabase();
await mongoose.disconnect();

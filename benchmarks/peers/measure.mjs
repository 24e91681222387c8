// One measure of one peer: node measure.mjs PEER DURABILITY MEASURE FOLDER LIMITS, started by
// compare.mjs. Prints the result as one line of JSON.

import process from 'node:process';

import {MEASURES} from './load.mjs';
import {startPostgres} from './postgres.mjs';
import {startRedis} from './redis.mjs';

const [peer, durability, measure, folder, limits] = process.argv.slice(2);
const {adapter} = await import(`./${peer}.mjs`);

const postgres = durability === 'postgres' ? await startPostgres(folder) : null;
const redis = peer === 'bullmq' && !postgres ? await startRedis(folder, durability) : null;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await redis?.stop();
    await postgres?.stop();
    process.exit(1);
  });
}
try {
  const place = {folder, durability, socket: redis?.socket, postgres};
  const result = await MEASURES[measure](adapter, place, JSON.parse(limits));
  console.log(JSON.stringify(result));
} finally {
  await redis?.stop();
  await postgres?.stop();
}
process.exit();  // Clients may still be trying to reach the server.

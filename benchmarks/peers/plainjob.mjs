// plainjob on SQLite through better-sqlite3. A worker runs one job at a time, so a concurrency of n
// is n workers.

import path from 'node:path';

import Database from 'better-sqlite3';
import {better, defineQueue, defineWorker} from 'plainjob';

const TYPE = 'noop';
const QUIET = {error: console.error, warn: console.warn, info: () => {}, debug: () => {}};

// How often an idle worker looks, in milliseconds. The default of a second would be what
// latency_idle measures; nothing shorter than this can be asked of a timer.
const POLL_MS = 1;

function openQueue(place) {
  const connection = better(new Database(path.join(place.folder, 'plainjob.db')));
  const queue = defineQueue({connection, logger: QUIET});
  // defineQueue() sets NORMAL.
  connection.pragma(`synchronous = ${place.durability === 'full' ? 'FULL' : 'NORMAL'}`);
  return queue;
}

export const adapter = {
  name: 'plainjob',

  async open(place) {
    const queue = openQueue(place);
    return {
      add: (job) => queue.add(TYPE, job),
      addMany: (jobs) => queue.addMany(TYPE, jobs),
      close: () => queue.close(),
    };
  },

  async work(place, concurrency, hooks) {
    const queue = openQueue(place);
    const workers = Array.from({length: concurrency}, () => defineWorker(
        TYPE, hooks.entered,
        {queue, logger: QUIET, pollIntervall: POLL_MS, onCompleted: hooks.done}));
    return {
      start: () => { for (const worker of workers) worker.start(); },
      stop: () => { for (const worker of workers) worker.stop(); },
    };
  },
};

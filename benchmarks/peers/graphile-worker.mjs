// graphile-worker on a PostgreSQL of our own, in its fastest configuration: jobs are fetched by the
// hundred into a queue of the worker's own, and ends are written together.

import {Logger, makeWorkerUtils, run} from 'graphile-worker';
import pg from 'pg';

const NAME = 'noop';
const CONNECTIONS = 64;
const LOCAL_QUEUE = 500;
const logger = new Logger(() => () => {});

function openPool(place) {
  const pool = new pg.Pool({...place.postgres.client, max: CONNECTIONS});
  pool.on('error', () => {});  // The server goes before its clients do.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

export const adapter = {
  name: 'graphile-worker',

  async open(place) {
    const pgPool = openPool(place);
    const utils = await makeWorkerUtils({pgPool, logger});
    await utils.migrate();
    return {
      add: (job) => utils.addJob(NAME, job),
      addMany: (jobs) => utils.addJobs(jobs.map((payload) => ({identifier: NAME, payload}))),
      close: async () => {
        await utils.release();
        await pgPool.end();
      },
    };
  },

  async work(place, concurrency, hooks) {
    const pgPool = openPool(place);
    const batches = {
      localQueue: {size: LOCAL_QUEUE}, completeJobBatchDelay: 0, failJobBatchDelay: 0,
    };
    let runner = null;
    return {
      start: async () => {
        runner = await run({
          pgPool, logger, noHandleSignals: true, taskList: {[NAME]: async () => hooks.entered()},
          preset: {worker: {concurrentJobs: concurrency, ...(concurrency > 1 ? batches : {})}},
        });
        runner.events.on('job:complete', () => hooks.done());
      },
      // Once it has let go of its connections the server may end.
      stop: async () => {
        await runner?.stop().catch(() => {});
        await pgPool.end();
      },
    };
  },
};

// BullMQ on a Redis of our own, over a Unix socket, or on a PostgreSQL of our own.

import {
  createPostgresBackend, Queue as RedisQueue, withBackend, Worker as RedisWorker,
} from 'bullmq';

const NAME = 'noop';

const CONNECTIONS = 64;

function partsFor(place) {
  if (!place.postgres) {
    return {
      Queue: RedisQueue, Worker: RedisWorker,
      connection: {path: place.socket, maxRetriesPerRequest: null},
    };
  }
  return {
    ...withBackend(createPostgresBackend),
    connection: {...place.postgres.client, max: CONNECTIONS, migrate: true},
  };
}

export const adapter = {
  name: 'bullmq',

  async open(place) {
    const {Queue, connection} = partsFor(place);
    const queue = new Queue(NAME, {connection});
    await queue.waitUntilReady();
    return {
      add: (job) => queue.add(NAME, job),
      addMany: (jobs) => queue.addBulk(jobs.map((data) => ({name: NAME, data}))),
      close: () => queue.close(),
    };
  },

  async work(place, concurrency, hooks) {
    const {Worker, connection} = partsFor(place);
    const worker = new Worker(NAME, async () => hooks.entered(),
                              {connection, concurrency, autorun: false});
    worker.on('completed', hooks.done);
    worker.on('error', (error) => console.error(`bullmq: ${error}`));
    await worker.waitUntilReady();
    return {start: () => { worker.run(); }, stop: () => { worker.close(true); }};
  },
};

// BullMQ on a Redis of our own, over a Unix socket.

import {Queue, Worker} from 'bullmq';

const NAME = 'noop';

const connectionTo = (place) => ({path: place.socket, maxRetriesPerRequest: null});

export const adapter = {
  name: 'bullmq',

  async open(place) {
    const queue = new Queue(NAME, {connection: connectionTo(place)});
    await queue.waitUntilReady();
    return {
      add: (job) => queue.add(NAME, job),
      addMany: (jobs) => queue.addBulk(jobs.map((data) => ({name: NAME, data}))),
      close: () => queue.close(),
    };
  },

  async work(place, concurrency, hooks) {
    const worker = new Worker(NAME, async () => hooks.entered(),
                              {connection: connectionTo(place), concurrency, autorun: false});
    worker.on('completed', hooks.done);
    worker.on('error', (error) => console.error(`bullmq: ${error}`));
    await worker.waitUntilReady();
    return {start: () => { worker.run(); }, stop: () => { worker.close(true); }};
  },
};

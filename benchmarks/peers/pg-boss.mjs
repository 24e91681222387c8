// pg-boss on a PostgreSQL of our own, in batches: it fetches as many jobs as may run at once, and
// completes them in one call.

import PgBoss from 'pg-boss';

const NAME = 'noop';
const CONNECTIONS = 64;

// How often an idle worker looks, in milliseconds. Half a second, the least that its own work()
// can be asked for, would be what latency_idle measures.
const POLL_MS = 1;

async function openBoss(place) {
  const boss = new PgBoss({...place.postgres.client, max: CONNECTIONS, schedule: false});
  boss.on('error', () => {});  // The server goes before its clients do.
  await boss.start();
  await boss.createQueue(NAME);
  return boss;
}

export const adapter = {
  name: 'pg-boss',

  async open(place) {
    const boss = await openBoss(place);
    return {
      add: (job) => boss.send(NAME, job),
      addMany: (jobs) => boss.insert(jobs.map((data) => ({name: NAME, data}))),
      close: () => boss.stop({graceful: false}),
    };
  },

  async work(place, concurrency, hooks) {
    const boss = await openBoss(place);
    let going = true;
    const loop = async () => {
      while (going) {
        const jobs = await boss.fetch(NAME, {batchSize: concurrency});
        if (jobs.length === 0) {
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
          continue;
        }
        for (let i = 0; i < jobs.length; ++i) hooks.entered();
        await boss.complete(NAME, jobs.map((job) => job.id));
        for (let i = 0; i < jobs.length; ++i) hooks.done();
      }
    };
    return {
      start: () => {
        loop().catch((error) => { if (going) console.error(`pg-boss: ${error}`); });
      },
      stop: () => { going = false; },
    };
  },
};

// The work that every queue is given, and how it is timed. A queue is told apart only by its
// adapter (plainjob.mjs, bullmq.mjs):
//
//   open(place)                     → {add(job), addMany(jobs), close()}; add() resolves once the
//                                     job is acknowledged
//   work(place, concurrency, hooks) → {start(), stop()}; calls hooks.entered() in the handler and
//                                     hooks.done() once the completion is acknowledged; stop() may
//                                     be awaited
//
// A place says where the queue lives and what it may lose: {folder, durability, …}.

import {fork} from 'node:child_process';
import {fileURLToPath} from 'node:url';

export const PAYLOAD_BYTES = 200;
export const BATCH = 10_000;

// As JSON it has as many bytes as the payload of outlive_bench.
export const PAYLOAD = {text: 'x'.repeat(PAYLOAD_BYTES - JSON.stringify({text: ''}).length)};

const LATENCY_SAMPLES = 200;
const LATENCY_GAP_MS = 5;  // After the job has ended: long enough that everything sleeps again.

// The same clock in all processes of the machine.
export const seconds = () => Number(process.hrtime.bigint()) / 1e9;

export const MEASURES = {
  drain_64: (adapter, place, limits) => drain(adapter, place, limits, 64),
  drain_1000: (adapter, place, limits) => drain(adapter, place, limits, 1_000),
  enqueue_1: (adapter, place, limits) => enqueue(adapter, place, limits, 1),
  enqueue_64: (adapter, place, limits) => enqueue(adapter, place, limits, 64),
  enqueue_many: enqueueMany,
  latency_idle: latencyIdle,
};

// Jobs are there before the clock starts: with the first one that is done, because a peer that
// takes up a thousand jobs one by one should not be judged by how long that takes. It stops when
// all have been drained, or the time is up.
async function drain(adapter, place, limits, concurrency) {
  const queue = await adapter.open(place);
  for (let left = limits.jobs; left > 0; left -= BATCH) {
    await queue.addMany(Array(Math.min(left, BATCH)).fill(PAYLOAD));
  }
  await queue.close();

  const count = limits.processes;
  const workers = Array.from({length: count}, () => new WorkerProcess(adapter.name, {
    place, concurrency: Math.ceil(concurrency / count),
  }));
  try {
    await Promise.all(workers.map((worker) => worker.ready()));
    const totals = await drained(workers, limits);
    const jobs = totals.reduce((sum, total) => sum + total.jobs, 0);
    if (jobs < 2) throw new Error(`of ${limits.jobs} jobs ${jobs} were done`);
    const begin = Math.min(...totals.filter((total) => total.jobs > 0)
                                     .map((total) => total.first));
    const end = Math.max(...totals.map((total) => total.last));
    return {unit: 'jobs/s', value: (jobs - 1) / (end - begin), jobs, of: limits.jobs};
  } finally {
    for (const worker of workers) worker.kill();
  }
}

// What each worker has done by the time that the last job is, or the time of each is up.
function drained(workers, limits) {
  return new Promise((resolve, reject) => {
    const totals = workers.map(() => ({jobs: 0, first: 0, last: 0, final: false}));
    workers.forEach((worker, index) => {
      worker.onTotal((total) => {
        totals[index] = total;
        const sum = totals.reduce((all, each) => all + each.jobs, 0);
        if (sum >= limits.jobs || totals.every((each) => each.final)) resolve(totals);
      });
      worker.onEnd(reject);
      worker.go(limits.drainSeconds);
    });
  });
}

// A process of its own that drains; see worker.mjs.
class WorkerProcess {
  constructor(peer, task) {
    const script = fileURLToPath(new URL('worker.mjs', import.meta.url));
    this.process = fork(script, [peer, JSON.stringify(task)]);
    this.listeners = {};
    this.process.on('message', (message) => this.listeners[message.type]?.(message));
    this.process.on('exit', (code, signal) => {
      this.listeners.end?.(new Error(`a worker process ended early (${signal ?? code})`));
    });
  }

  ready() {
    return new Promise((resolve, reject) => {
      this.listeners.ready = resolve;
      this.listeners.end = reject;
    });
  }

  go(limit) { this.process.send({seconds: limit}); }
  onTotal(listener) { this.listeners.total = listener; }
  onEnd(listener) { this.listeners.end = listener; }

  kill() {
    this.listeners = {};
    this.process.kill('SIGKILL');
  }
}

// `callers` at once, each waiting for its acknowledgement before it goes on.
async function enqueue(adapter, place, limits, callers) {
  const queue = await adapter.open(place);
  const begin = seconds();
  let jobs = 0;
  const call = async () => {
    while (seconds() - begin < limits.enqueueSeconds && jobs < limits.jobs) {
      ++jobs;
      await queue.add(PAYLOAD);
    }
  };
  await Promise.all(Array.from({length: callers}, call));
  const value = jobs / (seconds() - begin);
  await queue.close();
  return {unit: 'jobs/s', value, jobs};
}

async function enqueueMany(adapter, place, limits) {
  const queue = await adapter.open(place);
  const batch = Array(Math.min(BATCH, limits.jobs)).fill(PAYLOAD);
  const begin = seconds();
  let jobs = 0;
  while (seconds() - begin < limits.enqueueSeconds && jobs < limits.jobs) {
    await queue.addMany(batch);
    jobs += batch.length;
  }
  const value = jobs / (seconds() - begin);
  await queue.close();
  return {unit: 'jobs/s', value, jobs};
}

// From the call of add() to the first line of the handler, in one process with nothing else to do.
async function latencyIdle(adapter, place) {
  const queue = await adapter.open(place);
  let entered, done;
  const worker = await adapter.work(place, 1, {entered: () => entered(), done: () => done()});
  worker.start();
  const samples = [];
  for (let i = 0; i < LATENCY_SAMPLES; ++i) {
    await new Promise((resolve) => setTimeout(resolve, LATENCY_GAP_MS));
    const end = new Promise((resolve) => { entered = () => resolve(seconds()); });
    const completed = new Promise((resolve) => { done = resolve; });
    const begin = seconds();
    await queue.add(PAYLOAD);
    samples.push(1e3 * (await end - begin));
    await completed;
  }
  await worker.stop();
  await queue.close();
  samples.sort((a, b) => a - b);
  const percentile = (share) => samples[Math.ceil(share * samples.length) - 1];
  return {unit: 'ms', value: percentile(0.5), p99: percentile(0.99), jobs: samples.length};
}

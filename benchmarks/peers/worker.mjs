// A process that drains: node worker.mjs PEER TASK, started by load.mjs. Says when it is ready,
// begins when it is told, and reports how many jobs it has completed, and when the first and the
// last one. Its time runs from the first one on.

import process from 'node:process';

import {seconds} from './load.mjs';

const REPORT_MS = 20;
const FIRST_SECONDS_MAX = 60;  // A job that is not done by then will not be.

const {adapter} = await import(`./${process.argv[2]}.mjs`);
const {place, concurrency} = JSON.parse(process.argv[3]);

const total = {type: 'total', jobs: 0, first: 0, last: 0, final: false};
let limit = 0;
let deadline = Infinity;
let reported = 0;

const worker = await adapter.work(place, concurrency, {
  entered: () => {},
  done: () => {
    if (total.final) return;
    total.last = seconds();
    if (++total.jobs === 1) {
      total.first = total.last;
      deadline = total.first + limit;
    }
    if (total.last >= deadline) end();
  },
});

function end() {
  total.final = true;
  worker.stop();
  process.send(total);
}

process.on('message', (message) => {
  limit = message.seconds;
  deadline = seconds() + FIRST_SECONDS_MAX;
  worker.start();
});
// Where nothing is left to be done, `done` does not see the deadline.
setInterval(() => {
  if (total.final) return;
  if (seconds() >= deadline) {
    end();
  } else if (total.jobs !== reported) {
    reported = total.jobs;
    process.send(total);
  }
}, REPORT_MS);
process.on('disconnect', () => process.exit(1));  // Nobody waits for it any more.
process.send({type: 'ready'});

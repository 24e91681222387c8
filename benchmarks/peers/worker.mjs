// A process that drains: node worker.mjs PEER TASK, started by load.mjs. Says when it is ready,
// begins when it is told, and reports how many jobs it has completed, and when the last one.

import process from 'node:process';

import {seconds} from './load.mjs';

const REPORT_MS = 20;

const {adapter} = await import(`./${process.argv[2]}.mjs`);
const {place, concurrency} = JSON.parse(process.argv[3]);

const total = {type: 'total', jobs: 0, last: 0, final: false};
let deadline = Infinity;
let reported = 0;

const worker = await adapter.work(place, concurrency, {
  entered: () => {},
  done: () => {
    if (total.final) return;
    ++total.jobs;
    total.last = seconds();
    if (total.last < deadline) return;
    total.final = true;
    worker.stop();
    process.send(total);
  },
});

process.on('message', (message) => {
  deadline = message.deadline;
  worker.start();
});
setInterval(() => {
  if (total.jobs === reported || total.final) return;
  reported = total.jobs;
  process.send(total);
}, REPORT_MS);
process.send({type: 'ready'});

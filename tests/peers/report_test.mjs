// What the comparison with peers makes of its results.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {drawChart} from '../../benchmarks/peers/chart.mjs';
import {reportText, summarize} from '../../benchmarks/peers/report.mjs';

const CONDITIONS = {
  date: '2025-01-01', versions: {plainjob: '0.0.14', node: '20'}, machine: 'a machine',
  fileSystem: 'ext4', fsyncMilliseconds: 0.2, payloadBytes: 200, jobs: 200_000, secondsMax: 20,
  rounds: 3, processes: ['plainjob full 1'], outlive: '0.1.0 (SQLite <3.40>, g++)',
};

// One run of each value, in rounds from 1 on; null: it failed.
function runsOf(system, durability, measure, unit, values) {
  return values.map((value, i) => {
    const run = {system, durability, measure, round: i + 1};
    return value === null ? {...run, error: 'it fell over'} : {...run, unit, value, jobs: 1_234};
  });
}

// The disk is twice as slow in the second round.
const RESULTS = {
  conditions: CONDITIONS,
  runs: [
    ...runsOf('outlive', 'full', 'drain_64', 'jobs/s', [100_000, 50_000, 90_000]),
    ...runsOf('plainjob', 'full', 'drain_64', 'jobs/s', [2_000, 1_000, 1_500]),
    ...runsOf('bullmq', 'always', 'drain_64', 'jobs/s', [null, null, null]),
    ...runsOf('outlive', 'normal', 'drain_64', 'jobs/s', [200_000, 200_000, 200_000]),
    ...runsOf('plainjob', 'normal', 'drain_64', 'jobs/s', [10_000, null, 20_000]),
    ...runsOf('outlive', 'full', 'latency_idle', 'ms', [0.5, 1, 0.6]),
    ...runsOf('plainjob', 'full', 'latency_idle', 'ms', [1, 3, 1.2]),
  ],
};

const rowOf = (measure, system, durability) => summarize(RESULTS)
    .find((each) => each.measure === measure)
    .rows.find((row) => row.system === system && row.durability === durability);

test('a row has the median, the smallest and the largest run', () => {
  const row = rowOf('drain_64', 'outlive', 'full');
  assert.deepEqual([row.median, row.min, row.max], [90_000, 50_000, 100_000]);
  assert.equal(rowOf('drain_64', 'plainjob', 'normal').median, 15_000);  // Of the two that worked.
});

test('ratios are of the same round, and above 1 where outlive is better', () => {
  assert.equal(rowOf('drain_64', 'plainjob', 'full').ratioSame, 50);
  assert.equal(rowOf('drain_64', 'plainjob', 'normal').ratioSame, 15);    // 20 and 10.
  assert.equal(rowOf('drain_64', 'plainjob', 'normal').ratioFull, 7.25);  // 10 and 4.5.
  assert.equal(rowOf('latency_idle', 'plainjob', 'full').ratioSame, 2);
  assert.equal(rowOf('drain_64', 'outlive', 'full').ratioSame, null);
});

test('the table tells of runs that failed, and of the conditions', () => {
  const text = reportText(RESULTS);
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  assert.equal(rows.length, 2 + 7);
  assert.equal(new Set(rows.map((row) => row.split('|').length)).size, 1);
  assert.match(text, /\| bullmq +\| always +\| yes +\| failed /);
  assert.match(text, /90,000 jobs\/s +\| 50,000–100,000/);
  assert.match(text, /made durable: 0\.2 ms/);
  assert.match(text, /plainjob 0\.0\.14/);
});

test('the chart is the same each time, says what it shows, and needs nothing else', () => {
  const svg = drawChart(RESULTS);
  assert.equal(svg, drawChart(structuredClone(RESULTS)));
  assert.match(svg, /<title id="title">[^<]+<\/title>/);
  assert.match(svg, /<desc id="description">[^<]*plainjob \(full\) 1,500 jobs\/s[^<]*<\/desc>/);
  assert.match(svg, /prefers-color-scheme: dark/);
  assert.doesNotMatch(svg, /href|url\(|<script|<image|NaN|Infinity|undefined/);
});

test('nothing of the chart is outside of it, and each measure fills its scale', () => {
  const svg = drawChart(RESULTS);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg).map(Number);
  const numbers = (name) => [...svg.matchAll(new RegExp(` ${name}="([\\d.]+)"`, 'g'))]
                                .map((found) => Number(found[1]));
  assert.ok(Math.max(...numbers('x'), ...numbers('x2')) < width);
  assert.ok(Math.max(...numbers('y'), ...numbers('y2')) < height);
  const ends = [...svg.matchAll(/class="range" .* x2="([\d.]+)"/g)].map((found) => found[1]);
  assert.equal(ends.filter((end) => Number(end) === Math.max(...ends)).length, 2);
});

test('a measure that failed for everybody is in the table, and not drawn', () => {
  const runs = runsOf('outlive', 'full', 'drain_64', 'jobs/s', [null]);
  assert.match(reportText({conditions: CONDITIONS, runs}), /failed/);
  assert.doesNotMatch(drawChart({conditions: CONDITIONS, runs}), /Drain|NaN|Infinity/);
});

test('only the measures that are asked for are drawn', () => {
  const svg = drawChart(RESULTS, ['latency_idle']);
  assert.match(svg, /Enqueue to handler/);
  assert.doesNotMatch(svg, /Drain/);
});

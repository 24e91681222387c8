// Runs outlive and its peers in turn and prints the table: see run, and README.md beside it.

import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {cpus, tmpdir} from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

import {conditionsOf} from './conditions.mjs';
import {MEASURES, PAYLOAD_BYTES} from './load.mjs';
import {startPostgres} from './postgres.mjs';
import {CONTENDERS, formatValue, reportText} from './report.mjs';

const USAGE = `Usage: benchmarks/peers/run [options]

Installs what it needs, runs outlive and its peers in turn, and prints one table.

  --json FILE      keep the raw results; chart.mjs draws them
  --rounds N       how often everything is run (3)
  --jobs N         jobs to drain, and at most to enqueue (200000)
  --seconds N      a drain of a slow peer ends after this, and counts what it has done (20)
  --measures A,B   only these of ${Object.keys(MEASURES).join(', ')}
  --systems A,B    only these of ${[...new Set(CONTENDERS.map((each) => each.system))].join(', ')}
  --databases A,B  only those on their own database, or on postgres (own,postgres)
  --dir FOLDER     where databases go, which decides what an fsync costs (TMPDIR, else /tmp)
  --processes N    worker processes of each peer (tried out: one, or one for each core)
  --bench PROGRAM  outlive_bench (built into build/release if it is not given)
  -h, --help       show this text
`;

const ENQUEUE_SHARE = 0.2;  // Of --seconds: enqueues settle sooner than drains.

// Of --jobs and --seconds, to find out how many processes suit a peer; each is tried so often.
const TRIAL_SHARE = 0.25;
const TRIALS = 2;

function parseOptions() {
  const {values} = parseArgs({options: {
    json: {type: 'string'},
    rounds: {type: 'string', default: '3'},
    jobs: {type: 'string', default: '200000'},
    seconds: {type: 'string', default: '20'},
    measures: {type: 'string', default: Object.keys(MEASURES).join(',')},
    systems: {type: 'string', default: CONTENDERS.map((each) => each.system).join(',')},
    databases: {type: 'string', default: 'own,postgres'},
    dir: {type: 'string', default: tmpdir()},
    processes: {type: 'string'},
    bench: {type: 'string'},
    help: {type: 'boolean', short: 'h', default: false},
  }});
  if (values.help) return null;
  const number = (name) => {
    const value = Number(values[name]);
    if (!(value > 0)) throw new Error(`--${name} needs a number above 0`);
    return value;
  };
  const measures = values.measures.split(',');
  const systems = values.systems.split(',');
  for (const measure of measures) {
    if (!(measure in MEASURES)) throw new Error(`--measures: there is no measure '${measure}'`);
  }
  const databases = values.databases.split(',');
  const contenders = CONTENDERS.filter((each) => systems.includes(each.system) &&
                                                 databases.includes(each.database))
                         .map((each) => ({...each}));
  if (contenders.length === 0) throw new Error(`--systems: there is none of '${values.systems}'`);
  return {
    json: values.json, dir: path.resolve(values.dir), bench: values.bench, measures, contenders,
    rounds: Math.ceil(number('rounds')), jobs: Math.ceil(number('jobs')),
    seconds: number('seconds'),
    processes: values.processes === undefined ? null : Math.ceil(number('processes')),
  };
}

let child = null;    // What runs now,
let running = null;  // and the server for it that is ours.

// Runs a program and returns the objects that it printed, one a line.
async function runJson(program, args) {
  child = spawn(program, args, {stdio: ['ignore', 'pipe', 'inherit']});
  const objects = [];
  createInterface({input: child.stdout}).on('line', (line) => {
    if (line.startsWith('{')) objects.push(JSON.parse(line));
  });
  await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${path.basename(program)} ended with ${signal ?? code}`));
    });
  });
  return objects;
}

async function runOutlive(options, contender, measure, folder) {
  const postgres = contender.database === 'postgres' ? await startPostgres(folder) : null;
  running = postgres;
  try {
    return await runBench(options, measure, [
      '--store', postgres?.url ?? `sqlite:${path.join(folder, 'outlive.db')}`,
      '--durability', postgres ? 'full' : contender.durability,
    ]);
  } finally {
    running = null;
    await postgres?.stop();
  }
}

async function runBench(options, measure, where) {
  // Peers wait for their one job in a database that is new, so ours does, too.
  const warmUp = measure === 'latency_idle' ? ['--warm-up', '10'] : [];
  const objects = await runJson(options.bench, [
    '--json', ...where, '--jobs', String(options.jobs), ...warmUp,
    '--payload', String(PAYLOAD_BYTES), '--pairs', '1', '--measure', measure,
  ]);
  const figure = (...names) => objects.find(
      (each) => each.measure === measure && names.includes(each.figure));
  const found = figure('rate', 'p50');
  if (!found) throw new Error(`outlive_bench did not tell of ${measure}`);
  return {unit: found.unit, value: found.ours, p99: figure('p99')?.ours, bench: found.conditions};
}

async function runPeer(options, {system, durability, processes}, measure, folder) {
  const script = fileURLToPath(new URL('measure.mjs', import.meta.url));
  const limits = {
    jobs: options.jobs, processes, drainSeconds: options.seconds,
    enqueueSeconds: options.seconds * ENQUEUE_SHARE,
  };
  const [result] = await runJson(process.execPath, [
    script, system, durability, measure, folder, JSON.stringify(limits),
  ]);
  return result;
}

// How many worker processes a peer drains fastest with on this machine: both recommend several, and
// where the handlers do nothing they may only be in one another's way.
async function chooseProcesses(options, contender, root) {
  if (options.processes !== null) return options.processes;
  if (!options.measures.some((measure) => measure.startsWith('drain'))) return 1;
  const trial = {
    ...options, jobs: Math.ceil(options.jobs * TRIAL_SHARE), seconds: options.seconds * TRIAL_SHARE,
  };
  let best = {value: -1, processes: 1};
  for (let i = 0; i < TRIALS; ++i) {
    for (const processes of new Set([1, cpus().length])) {
      const {value = 0} = await runOnce(trial, {...contender, processes}, 'drain_64', root,
                                        `trial (processes: ${processes})`);
      if (value > best.value) best = {value, processes};
    }
  }
  return best.processes;
}

// One run in a folder of its own. A failure is a result too: the table says so.
async function runOnce(options, contender, measure, root, title) {
  const {system, durability} = contender;
  const folder = mkdtempSync(path.join(root, `${system}-`));
  const run = {system, durability, measure};
  process.stderr.write(`${title}  ${measure}  ${system} ${durability}: `);
  try {
    const result = await (system === 'outlive' ? runOutlive : runPeer)(
        options, contender, measure, folder);
    process.stderr.write(`${formatValue(result.value, result.unit)}\n`);
    return {...run, ...result};
  } catch (error) {
    process.stderr.write(`failed: ${error.message}\n`);
    return {...run, error: error.message};
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

// Everybody in turn, each round beginning with another one, so that a slow minute of the machine
// is nobody's.
async function runAll(options, root) {
  const runs = [];
  for (let round = 1; round <= options.rounds; ++round) {
    const first = (round - 1) % options.contenders.length;
    const order = [...options.contenders.slice(first), ...options.contenders.slice(0, first)];
    for (const measure of options.measures) {
      for (const contender of order) {
        const title = `round ${round}/${options.rounds}`;
        runs.push({round, ...await runOnce(options, contender, measure, root, title)});
      }
    }
  }
  return runs;
}

const processesOf = ({contenders}) => contenders
    .filter((each) => each.processes)
    .map(({system, durability, processes}) => `${system} ${durability} ${processes}`);

// What outlive_bench says about itself, once.
function outliveOf(runs) {
  const about = runs.filter((run) => run.bench).map((run) => run.bench);
  for (const run of runs) delete run.bench;
  const stores = [...new Set(about.map((each) => each.store))].join(', ');
  return about.length > 0 ? `${about[0].outlive} (${stores}, ${about[0].compiler})` : undefined;
}

async function main() {
  const options = parseOptions();
  if (options === null) {
    process.stdout.write(USAGE);
    return;
  }
  const root = mkdtempSync(path.join(options.dir, 'outlive-peers-'));
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      child?.once('close', async () => {
        await running?.stop();
        rmSync(root, {recursive: true, force: true});
        process.exit(1);
      });
      child?.kill('SIGTERM');
    });
  }
  try {
    const conditions = conditionsOf(root, options);
    for (const contender of options.contenders) {
      if (contender.system === 'outlive') continue;
      contender.processes = await chooseProcesses(options, contender, root);
    }
    const runs = await runAll(options, root);
    const results = {
      conditions: {...conditions, outlive: outliveOf(runs), processes: processesOf(options)}, runs,
    };
    if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
    process.stdout.write(reportText(results));
    if (results.runs.some((run) => run.error)) process.exitCode = 1;
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
}

main().catch((error) => {
  console.error(`benchmarks/peers/run: ${error.message}`);
  process.exitCode = 2;
});

// What the results of a comparison say: the figures of each contender, and a table of them.

// In the order of the table. `safe`: what it has acknowledged outlives a power cut. `database`:
// what it is compared on, its own or a PostgreSQL that is alike for all.
export const CONTENDERS = [
  {system: 'outlive', durability: 'full', safe: true, database: 'own'},
  {system: 'plainjob', durability: 'full', safe: true, database: 'own'},
  {system: 'bullmq', durability: 'always', safe: true, database: 'own'},
  {system: 'outlive', durability: 'normal', safe: false, database: 'own'},
  {system: 'plainjob', durability: 'normal', safe: false, database: 'own'},
  {system: 'bullmq', durability: 'default', safe: false, database: 'own'},
  {system: 'outlive', durability: 'postgres', safe: true, database: 'postgres'},
  {system: 'graphile-worker', durability: 'postgres', safe: true, database: 'postgres'},
  {system: 'pg-boss', durability: 'postgres', safe: true, database: 'postgres'},
  {system: 'bullmq', durability: 'postgres', safe: true, database: 'postgres'},
];

export const TITLES = {
  drain_64: 'Drain, 64 jobs at once',
  drain_1000: 'Drain, 1,000 jobs at once',
  enqueue_1: 'Enqueue, one caller waiting for each job',
  enqueue_64: 'Enqueue, 64 callers, each waiting for its job',
  enqueue_many: 'Enqueue, 10,000 jobs in a call',
  latency_idle: 'Enqueue to handler, nothing else to do',
};

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ',');

function formatNumber(value) {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value < 100 ? value.toFixed(digits) : grouped(Math.round(value));
}

export const formatValue = (value, unit) => `${formatNumber(value)} ${unit}`;

export function formatRatio(ratio) {
  if (ratio === null) return '';
  return `${ratio < 10 ? Number(ratio.toPrecision(2)) : grouped(Math.round(ratio))} ×`;
}

export const isLatency = (unit) => !unit.endsWith('/s');

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// By how much `ours` is better than `theirs`: the median over the rounds that have both, because
// what the machine does in one round it does to both.
function ratio(ours, theirs, unit) {
  const ratios = [];
  for (const run of theirs) {
    const own = ours.find((each) => each.round === run.round);
    if (own) ratios.push(isLatency(unit) ? run.value / own.value : own.value / run.value);
  }
  return ratios.length > 0 ? median(ratios) : null;
}

// For each measure {measure, title, unit, rows}. A row is one contender with its runs, their
// median, min and max, for a latency the median of their 99th percentiles, and by how much outlive
// is better: at the same durability, and at full.
export function summarize(results) {
  const measures = [...new Set(results.runs.map((run) => run.measure))];
  return measures.map((measure) => {
    const runs = results.runs.filter((run) => run.measure === measure);
    const unit = runs.find((run) => run.unit)?.unit ?? '';
    const runsOf = ({system, durability}) => runs.filter(
        (run) => run.system === system && run.durability === durability);
    const goodOf = (contender) => runsOf(contender).filter((run) => !run.error);
    const outlive = (safe, database) => goodOf(CONTENDERS.find(
        (each) => each.system === 'outlive' && each.safe === safe && each.database === database));
    const rows = CONTENDERS.filter((each) => runsOf(each).length > 0).map((contender) => {
      const good = goodOf(contender);
      const values = good.map((run) => run.value);
      const isOurs = contender.system === 'outlive';
      return {
        ...contender, runs: good,
        median: median(values), min: Math.min(...values), max: Math.max(...values),
        p99: isLatency(unit) ? median(good.map((run) => run.p99)) : null,
        ratioSame: isOurs ? null : ratio(outlive(contender.safe, contender.database), good, unit),
        ratioFull: isOurs ? null : ratio(outlive(true, contender.database), good, unit),
      };
    });
    return {measure, title: TITLES[measure], unit, rows};
  });
}

export const conditionsText = ({conditions}) => [
  ...(conditions.outlive ? [`outlive ${conditions.outlive}`] : []),
  Object.entries(conditions.versions).map(([name, version]) => `${name} ${version}`).join(', '),
  `${conditions.machine}`,
  `${conditions.fileSystem}, one 4 KiB write made durable: ${conditions.fsyncMilliseconds} ms` +
      (conditions.fileSystem === 'tmpfs' ? ' (memory: durable settings cost nothing here)' : ''),
  `${conditions.payloadBytes}-byte payload, no-op handler, ` +
      `${grouped(conditions.jobs)} jobs to drain in at most ${conditions.secondsMax} s`,
  ...(conditions.processes.length > 0 ?
      [`worker processes, whichever was faster: ${conditions.processes.join(', ')}`] : []),
  `median of ${conditions.rounds} rounds in turn (min–max), ${conditions.date}`,
];

function cellsOf(row, unit) {
  const name = [row.system, row.durability, row.safe ? 'yes' : 'no'];
  if (row.runs.length === 0) return [...name, 'failed', '', '', '', '', ''];
  const range = `${formatNumber(row.min)}–${formatNumber(row.max)}`;
  const {jobs, of} = row.runs[0];
  const count = jobs === undefined ? '' :
      of > jobs ? `${grouped(jobs)} of ${grouped(of)}` : grouped(jobs);
  const p99 = row.p99 === null ? '' : formatValue(row.p99, unit);
  return [...name, formatValue(row.median, unit), range, p99, formatRatio(row.ratioSame),
          formatRatio(row.ratioFull), count];
}

function markdown(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |\n`;
  return line(rows[0]) + line(widths.map((width) => '-'.repeat(width))) +
         rows.slice(1).map(line).join('');
}

// The table, as Markdown that also reads well in a terminal.
export function reportText(results) {
  const header = ['measure', 'queue', 'durability', 'survives a power cut', 'median', 'min–max',
                  'p99', 'outlive, as durable, is better by', 'outlive, full, is better by',
                  'jobs (round 1)'];
  const rows = [header];
  for (const {title, unit, rows: contenders} of summarize(results)) {
    contenders.forEach((row, i) => rows.push([i === 0 ? title : '', ...cellsOf(row, unit)]));
  }
  return `${markdown(rows)}\n${conditionsText(results).map((line) => `- ${line}\n`).join('')}`;
}

// Draws the results of a comparison as bars: node chart.mjs RESULTS.json [MEASURE,…] > chart.svg
//
// Plain SVG without scripts or fonts of its own. The same results give the same bytes. Its ground
// is part of the picture and follows the reader's light or dark mode, so that it can stand on any
// page.

import {readFileSync} from 'node:fs';
import process from 'node:process';
import {fileURLToPath} from 'node:url';

import {formatRatio, formatValue, isLatency, summarize} from './report.mjs';

const WIDTH = 820;
const MARGIN = 20;
const NAME_WIDTH = 150;  // Of the column left of the bars.
const VALUE_WIDTH = 190;
const BAR_WIDTH_MAX = WIDTH - 2 * MARGIN - NAME_WIDTH - VALUE_WIDTH;
const BAR_HEIGHT = 14;
const ROW_HEIGHT = 20;
const GROUP_GAP = 6;  // Between those that outlive a power cut and those that may not.
const HEADING_HEIGHT = 40;
const TITLE_HEIGHT = 74;
const LEGEND_HEIGHT = 44;

const STYLE = `
    .ground { fill: #ffffff; stroke: #d0d7de; }
    text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
           fill: #1f2328; }
    .title { font-size: 18px; font-weight: 600; }
    .heading { font-size: 14px; font-weight: 600; }
    .quiet { fill: #59636e; }
    .ours { font-weight: 600; }
    .bar { fill: #8c959f; }
    .bar.ours { fill: #0969da; }
    .unsafe { fill-opacity: 0.45; }
    .range { stroke: #1f2328; stroke-width: 1; }
    .base { stroke: #d0d7de; }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; stroke: #3d444d; }
      text { fill: #f0f6fc; }
      .quiet { fill: #9198a1; }
      .bar { fill: #9198a1; }
      .bar.ours { fill: #4493f8; }
      .range { stroke: #f0f6fc; }
      .base { stroke: #3d444d; }
    }`;

const escape = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const round = (number) => Number(number.toFixed(1));

function text(x, y, content, classes = '') {
  const kind = classes ? ` class="${classes}"` : '';
  return `  <text x="${round(x)}" y="${round(y)}"${kind}>${escape(content)}</text>`;
}

// One bar with its name, its value, and a line from the smallest to the largest run.
function drawRow(row, unit, scale, y) {
  const left = MARGIN + NAME_WIDTH;
  const middle = round(y + BAR_HEIGHT / 2);
  const ours = row.system === 'outlive' ? ' ours' : '';
  const name = text(MARGIN, y + BAR_HEIGHT - 3, `${row.system}, ${row.durability}`, ours.trim());
  if (row.runs.length === 0) return [name, text(left + 6, y + BAR_HEIGHT - 3, 'failed', 'quiet')];
  const x = (value) => round(left + value * scale);
  const ratio = row.ratioSame === null ? '' : `  (${formatRatio(row.ratioSame)})`;
  return [
    name,
    `  <rect class="bar${ours}${row.safe ? '' : ' unsafe'}" x="${left}" y="${round(y)}" ` +
        `width="${round(Math.max(row.median * scale, 1))}" height="${BAR_HEIGHT}"/>`,
    `  <line class="range" x1="${x(row.min)}" y1="${middle}" x2="${x(row.max)}" y2="${middle}"/>`,
    text(x(row.max) + 6, y + BAR_HEIGHT - 3, formatValue(row.median, unit) + ratio, ours.trim()),
  ];
}

const heightOf = (rows) => HEADING_HEIGHT + rows.length * ROW_HEIGHT + GROUP_GAP;

// Each measure has a scale of its own: from zero to its largest value.
function drawMeasure({title, unit, rows}, top) {
  const scale = BAR_WIDTH_MAX / Math.max(...rows.filter((row) => row.runs.length > 0)
                                             .map((row) => row.max));
  const direction = isLatency(unit) ? 'shorter is better' : 'longer is better';
  const left = MARGIN + NAME_WIDTH;
  return [
    text(MARGIN, top + 26, title, 'heading'),
    text(MARGIN + 340, top + 26, `${unit}, ${direction}`, 'quiet'),
    ...rows.flatMap((row, i) => drawRow(
        row, unit, scale, top + HEADING_HEIGHT + i * ROW_HEIGHT + (row.safe ? 0 : GROUP_GAP))),
    `  <line class="base" x1="${left}" y1="${top + HEADING_HEIGHT - 4}" ` +
        `x2="${left}" y2="${top + heightOf(rows) - 2}"/>`,
  ];
}

function drawLegend(top) {
  const swatch = (x, kind) =>
      `  <rect class="bar ${kind}" x="${x}" y="${top + 12}" width="26" height="12"/>`;
  return [
    swatch(MARGIN, ''), text(MARGIN + 34, top + 23, 'outlives a power cut', 'quiet'),
    swatch(MARGIN + 190, 'unsafe'),
    text(MARGIN + 224, top + 23, 'may lose the newest jobs', 'quiet'),
    text(MARGIN + 410, top + 23, '(n ×): outlive, as durable, is n times better', 'quiet'),
  ];
}

function describe(measures) {
  return measures.map(({title, unit, rows}) => `${title}: ${rows.map((row) => {
    const value = row.runs.length > 0 ? formatValue(row.median, unit) : 'failed';
    return `${row.system} (${row.durability}) ${value}`;
  }).join(', ')}.`).join(' ');
}

export function drawChart(results, only) {
  const measures = summarize(results).filter(
      ({measure, rows}) => (!only || only.includes(measure)) &&
                           rows.some((row) => row.runs.length > 0));
  const {conditions} = results;
  const body = [];
  let top = TITLE_HEIGHT;
  for (const measure of measures) {
    body.push(...drawMeasure(measure, top));
    top += heightOf(measure.rows);
  }
  const height = top + LEGEND_HEIGHT;
  const subtitle = `${conditions.payloadBytes}-byte payload, no-op handler; ` +
                   `${conditions.fileSystem}, a durable write takes ` +
                   `${conditions.fsyncMilliseconds} ms; median of ${conditions.rounds}, ` +
                   'line: smallest to largest';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
        `viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">`,
    '  <title id="title">Durable job queues compared: outlive, plainjob and BullMQ</title>',
    `  <desc id="description">${escape(describe(measures))}</desc>`,
    `  <style>${STYLE}\n  </style>`,
    `  <rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text(MARGIN, 34, 'Durable job queues on one machine', 'title'),
    text(MARGIN, 58, subtitle, 'quiet'),
    ...body,
    ...drawLegend(top),
    '</svg>', '',
  ].join('\n');
}

function main() {
  const [file, measures] = process.argv.slice(2);
  if (!file) {
    console.error('Usage: node chart.mjs RESULTS.json [MEASURE,…] > chart.svg');
    process.exitCode = 2;
    return;
  }
  const results = JSON.parse(readFileSync(file, 'utf8'));
  process.stdout.write(drawChart(results, measures?.split(',')));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

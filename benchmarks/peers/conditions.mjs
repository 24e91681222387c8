// What a comparison was measured with: without it the figures mean nothing.

import {execFileSync} from 'node:child_process';
import {closeSync, fdatasyncSync, openSync, readFileSync, unlinkSync, writeSync} from 'node:fs';
import {createRequire} from 'node:module';
import os from 'node:os';
import path from 'node:path';

import {PAYLOAD_BYTES, seconds} from './load.mjs';
import {postgresVersion} from './postgres.mjs';

const require = createRequire(import.meta.url);

const FSYNC_SAMPLES = 100;

// The median in milliseconds of one 4 KiB write made durable.
function fsyncMilliseconds(folder) {
  const file = path.join(folder, 'fsync');
  const descriptor = openSync(file, 'w');
  const page = Buffer.alloc(4096, 'x');
  const samples = [];
  for (let i = 0; i < FSYNC_SAMPLES; ++i) {
    writeSync(descriptor, page, 0, page.length, i * page.length);
    const begin = seconds();
    fdatasyncSync(descriptor);
    samples.push(seconds() - begin);
  }
  closeSync(descriptor);
  unlinkSync(file);
  samples.sort((a, b) => a - b);
  return Number((1e3 * samples[FSYNC_SAMPLES / 2]).toFixed(3));
}

const output = (program, ...args) => execFileSync(program, args, {encoding: 'utf8'}).trim();

function versionOf(name) {
  const file = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
                         'node_modules', name, 'package.json');
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

function sqliteOfPlainjob() {
  const Database = require('better-sqlite3');
  return new Database(':memory:').prepare('SELECT sqlite_version() AS version').get().version;
}

function versionsOf(options) {
  const systems = options.contenders.map((each) => each.system);
  const versions = {};
  if (systems.includes('plainjob')) {
    versions.plainjob = versionOf('plainjob');
    versions['better-sqlite3'] = `${versionOf('better-sqlite3')} (SQLite ${sqliteOfPlainjob()})`;
  }
  if (systems.includes('bullmq')) {
    versions.bullmq = versionOf('bullmq');
  }
  if (options.contenders.some((each) => each.system === 'bullmq' && each.database === 'own')) {
    versions.ioredis = versionOf('ioredis');
    versions.redis = /v=(\S+)/.exec(output('redis-server', '--version'))[1];
  }
  for (const name of ['graphile-worker', 'pg-boss']) {
    if (systems.includes(name)) versions[name] = versionOf(name);
  }
  if (options.contenders.some((each) => each.database === 'postgres')) {
    versions.postgres = postgresVersion();
  }
  versions.node = process.versions.node;
  return versions;
}

export function conditionsOf(folder, options) {
  return {
    date: new Date().toISOString().slice(0, 10),
    versions: versionsOf(options),
    machine: `${os.cpus()[0].model.trim()}, ${os.cpus().length} cores, Linux ${os.release()}`,
    fileSystem: output('df', '--output=fstype', folder).split('\n')[1],
    fsyncMilliseconds: fsyncMilliseconds(folder),
    payloadBytes: PAYLOAD_BYTES,
    jobs: options.jobs,
    secondsMax: options.seconds,
    rounds: options.rounds,
  };
}

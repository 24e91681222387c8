// A PostgreSQL server of our own, on a Unix socket in a folder: no port, and nobody else's data.

import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmodSync, chownSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import process from 'node:process';

const USER = 'peers';
const PORT = 5432;  // Of the socket's name.
const TRIES = 300;
const PAUSE_MS = 50;

// Everybody has the same server: durable, as PostgreSQL is by default, with more memory than that,
// and room for a burst of writes between checkpoints.
const SETTINGS = [
  'synchronous_commit=on', 'fsync=on', 'full_page_writes=on', 'shared_buffers=256MB',
  'max_wal_size=4GB', 'max_connections=200',
];

const bindir = () => execFileSync('pg_config', ['--bindir'], {encoding: 'utf8'}).trim();

export const postgresVersion = () => /\d+(\.\d+)?/.exec(
    execFileSync(path.join(bindir(), 'postgres'), ['--version'], {encoding: 'utf8'}))[0];

// It refuses to run as root.
function asNobody() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'nobody'], {encoding: 'utf8'}));
  return {uid: id('-u'), gid: id('-g')};
}

// Makes a cluster in `folder`, starts it, and returns {client, url, stop()} once it answers.
// `client` is how node-postgres connects, `url` how libpq does.
export async function startPostgres(folder) {
  const nobody = asNobody();
  const data = mkdtempSync(path.join(folder, 'postgres-'));
  // Not in `folder`: the path of a socket has at most 107 bytes.
  const runtime = mkdtempSync(path.join(tmpdir(), 'outlive-postgres-'));
  if (nobody.uid !== undefined) {
    // Both were made by compare.mjs, for us alone.
    for (const each of [path.dirname(folder), folder]) chmodSync(each, 0o711);
    for (const each of [data, runtime]) chownSync(each, nobody.uid, nobody.gid);
  }
  const program = (name) => path.join(bindir(), name);
  execFileSync(program('initdb'), ['--no-sync', '--auth=trust', `--username=${USER}`,
                                   '--encoding=UTF8', '--locale=C', '-D', data],
               {...nobody, cwd: '/', stdio: ['ignore', 'ignore', 'inherit']});
  const server = spawn(program('postgres'), [
    '-D', data, '-k', runtime, '-p', String(PORT), '-c', 'listen_addresses=',
    ...SETTINGS.flatMap((setting) => ['-c', setting]),
  ], {...nobody, cwd: '/', stdio: ['ignore', 'ignore', 'ignore']});
  const exit = once(server, 'exit');
  const stop = async () => {
    server.kill('SIGINT');  // Ends every connection.
    await exit;
    for (const each of [data, runtime]) rmSync(each, {recursive: true, force: true});
  };
  const client = {host: runtime, port: PORT, user: USER, database: 'postgres'};
  for (let i = 0; i < TRIES; ++i) {
    try {
      execFileSync(program('pg_isready'), ['-q', '-h', runtime, '-p', String(PORT)]);
      const place = `host=${encodeURIComponent(runtime)}&port=${PORT}`;
      return {client, url: `postgresql://${USER}@/postgres?${place}`, stop};
    } catch {
      if (server.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  await stop();
  throw new Error('the PostgreSQL server did not start');
}

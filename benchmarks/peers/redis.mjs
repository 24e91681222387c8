// A redis-server of our own, on a Unix socket in a folder: no port, and nobody else's data.

import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';

// What Redis may lose in a power cut. Its own default are snapshots: all since the last one.
const PERSISTENCE = {
  always: ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
  default: [],
};

// Starts it in `folder` and returns {socket, stop()} once it answers.
export async function startRedis(folder, durability) {
  // Not in `folder`: the path of a socket has at most 107 bytes.
  const runtime = mkdtempSync(path.join(tmpdir(), 'outlive-redis-'));
  const socket = path.join(runtime, 'redis.sock');
  const server = spawn('redis-server',
                       ['--port', '0', '--unixsocket', socket, '--dir', folder,
                        ...PERSISTENCE[durability]],
                       {stdio: ['ignore', 'pipe', 'inherit']});
  const exit = once(server, 'exit');
  const stop = async () => {
    spawnSync('redis-cli', ['-s', socket, 'shutdown', 'nosave', 'force'], {stdio: 'ignore'});
    await exit;
    rmSync(runtime, {recursive: true, force: true});
  };
  const log = [];
  const lines = createInterface({input: server.stdout});
  const ready = new Promise((resolve) => {
    lines.on('line', (line) => {
      if (log.length < 100) log.push(line);
      if (/ready to accept connections/i.test(line)) resolve(true);
    });
  });
  if (!await Promise.race([ready, exit.then(() => false)])) {
    rmSync(runtime, {recursive: true, force: true});
    throw new Error(`redis-server did not start:\n${log.join('\n')}`);
  }
  return {socket, stop};
}

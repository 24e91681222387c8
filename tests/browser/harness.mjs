// Starts the report app and a browser for it. Nothing here sleeps: the app says when it is ready,
// and the page is waited for by what it shows.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

const DEADLINE_MS = 1000 * Number(process.env.OUTLIVE_TEST_DEADLINE_S ?? 60);
const CHROMIUM = process.env.OUTLIVE_CHROMIUM ?? '/usr/bin/chromium';
const modules = process.env.OUTLIVE_NODE_MODULES ??
                path.join(path.dirname(fileURLToPath(import.meta.url)), 'node_modules');
assert.ok(existsSync(path.join(modules, 'playwright-core')),
          `no playwright-core in ${modules} (tools/setup browser)`);
assert.ok(existsSync(CHROMIUM), `no ${CHROMIUM} (tools/setup browser)`);
const {chromium} = createRequire(path.join(modules, 'x'))('playwright-core');

export function startBrowser() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
           '--disable-quic', '--no-first-run'],
  });
}

// One data folder and, one after the other, the processes that work on it.
export class App {
  constructor(...options) {
    this.options = options;
    this.folder = mkdtempSync(path.join(tmpdir(), 'outlive-browser-'));
    this.port = 0;
  }

  async start(...more) {
    this.process = spawn(
        process.env.OUTLIVE_REPORT_APP,
        ['--port', String(this.port), '--data-dir', path.join(this.folder, 'data'), ...this.options,
         ...more],
        {stdio: ['ignore', 'pipe', 'pipe']});
    this.log = '';
    this.process.stderr.on('data', (bytes) => { this.log += bytes; });
    const lines = createInterface({input: this.process.stdout});
    const [line] = await Promise.race([
      once(lines, 'line'), once(this.process, 'exit').then(() => [`ended: ${this.log}`])]);
    const found = /listening on (http:\S+:(\d+))/.exec(line);
    assert.ok(found, line);
    this.url = found[1];
    this.port = Number(found[2]);  // The same after a restart: an open page comes back to it.
    return this;
  }

  async end(signal = 'SIGTERM') {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exit = once(this.process, 'exit');
      this.process.kill(signal);
      await exit;
    }
    return this.process.exitCode;
  }

  async remove() {
    await this.end('SIGKILL');
    rmSync(this.folder, {recursive: true, force: true});
  }
}

// A page that remembers everything that it should not have had to say.
export async function openPage(context, url) {
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(`error: ${error}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(url);
  await page.locator('#generate:enabled').waitFor();
  return page;
}

export const readBytes = (file) => readFileSync(file);

// SPDX-License-Identifier: MIT
// A played station, a real Chromium, and waiting for things to happen (never for time to pass).
import { spawn, execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const SRC = path.resolve(HERE, '../..');
const modules = execFileSync(path.join(HERE, 'setup'), { encoding: 'utf8' }).trim();
const { chromium } = createRequire(path.join(modules, 'package.json'))('playwright-core');

export const DEADLINE_MS = 180000; // nothing takes that long unless something is broken

// Lines of JSON from a child process, each handed to whoever waits for one like it.
export function lines(stream) {
  const seen = [];
  const waiting = new Set();
  createInterface({ input: stream }).on('line', (text) => {
    let line;
    try {
      line = JSON.parse(text);
    } catch {
      line = { text };
    }
    seen.push(line);
    for (const check of waiting) check();
  });
  return {
    seen,
    // The first line from number `from` on that matches.
    async wait(match, what, from = 0) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`never came: ${what}`)), DEADLINE_MS);
        const check = () => {
          const found = seen.slice(from).find(match);
          if (!found) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      });
    },
  };
}

// Starts the binary under test; its stdout is for lines().
export function gangway(args) {
  const binary = process.env.GANGWAY || path.join(SRC, 'build/gangway');
  return spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

// A client of a station's control socket: call() gives the result, or throws what the station says.
export function control(socket) {
  const connection = createConnection(socket);
  const out = lines(connection);
  let last = 0;
  return {
    async call(cmd, args = {}) {
      const id = ++last;
      connection.write(JSON.stringify({ id, cmd, args }) + '\n');
      const answer = await out.wait((line) => line.id === id && !line.event, cmd);
      if (!answer.ok) throw new Error(`${cmd}: ${answer.error.text}`);
      return answer.result;
    },
    // Follows the slots: the answer waits until `ready(slots)` holds.
    async subscribe() {
      await this.call('subscribe');
      let slots = [], ledger = {};
      let read = 0;
      return (ready, what) => out.wait(() => {
        for (; read < out.seen.length; read++) {
          const line = out.seen[read];
          if (line.event === 'snapshot') ({ slots, ledger } = line);
          else if (line.event === 'slot') slots[line.slot.index] = line.slot;
          else if (line.event === 'ledger') ledger = line.ledger;
        }
        return slots.length && ready(slots, ledger);
      }, what);
    },
    end: () => connection.end(),
  };
}

export async function startStation(options = {}) {
  const child = spawn('python3', [path.join(HERE, 'fake_station.py'), JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const out = lines(child.stdout);
  let done = 0;
  const station = {
    url: (await out.wait((line) => line.done === 'start', 'the web role')).result,
    requests: () => out.seen.filter((line) => line.request).map((line) => line.request),
    async do(what, fields = {}) {
      const number = ++done;
      child.stdin.write(JSON.stringify({ do: what, ...fields }) + '\n');
      await out.wait(() => out.seen.filter((line) => line.done).length > number, `station: ${what}`);
    },
    slot: (slot, fields) => station.do('set_slot', { slot, fields }),
    set: (name, value) => station.do('set', { name, value }),
    asked: (cmd) => out.wait((line) => line.request?.cmd === cmd, `request ${cmd}`).then((line) => line.request),
    async end() {
      child.stdin.end();
      await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve()));
    },
  };
  return station;
}

// A browser with an empty profile of its own; what it complains about is collected in browser.complaints.
export async function startBrowser({ width = 1920, height = 1080, reducedMotion = 'reduce' } = {}) {
  const profile = mkdtempSync(path.join(tmpdir(), 'chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    timeout: DEADLINE_MS, // its first start on a machine with cold caches is slow
    chromiumSandbox: false,
    viewport: { width, height },
    reducedMotion,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--autoplay-policy=user-gesture-required'],
  });
  const page = context.pages()[0] ?? await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  const complaints = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return {
    page,
    complaints,
    async end() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

// Types as a person does: no two keys within a scanner's gap.
export async function type(page, text) {
  for (const key of text) await page.keyboard.press(key, { delay: 70 });
}

// Types as a scanner does: all of it and Enter at once, however busy the machine is.
export async function scan(page, code) {
  await page.evaluate((text) => {
    // All are made before the first is handled: a real key's time is when it was pressed, not when the page took it.
    const keys = [...text, 'Enter'].map((key) => new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    for (const key of keys) document.activeElement.dispatchEvent(key);
  }, code);
}

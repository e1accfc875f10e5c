// SPDX-License-Identifier: MIT
// Nothing is played here: `gangway demo` programs virtual boards, a browser watches.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { control, gangway, lines, startBrowser, type, DEADLINE_MS } from './harness.mjs';

const tile = (slot) => `article[data-slot="${slot}"]`;
const LIVE = 'body:not(.stale) article';
const state = path.resolve('state');
const browser = await startBrowser(); // first: the batch does not wait for it
const { page } = browser;
const demo = gangway(['demo', '--boards', '4', '--rate', '1M', '--fault', '3=flip@1100000', '--state', state, '--listen', '127.0.0.1:0']);
const said = lines(demo.stdout);
const url = (await said.wait((line) => /page: http/.test(line.text), 'the page')).text.match(/http:\S+/)[0];
const says = (slot, part, value) => page.locator(`${tile(slot)} .${part}`, { hasText: value }).waitFor();

const parent = (pid) => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[1]);

function descends(pid) {
  for (let at = pid; at > 1; at = parent(at)) if (at === demo.pid) return true;
  return false;
}

// The pid of the demo's process in this role.
function process_of(role) {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`gangway\0${role}\0`) && descends(pid);
    } catch {
      return false; // gone meanwhile
    }
  });
}

async function a_batch_is_watched_to_its_end() {
  // One board is held until the page has come, however long that takes.
  const station = control(path.join(state, 'control.sock'));
  await (await station.subscribe())((slots) => slots.some((slot) => slot.state === 'writing'), 'a board under way');
  const worker = process_of('worker');
  writeFileSync(path.join(tmpdir(), `held-${worker}`), ''); // tests/run --jolt leaves it to us
  process.kill(worker, 'SIGSTOP');
  station.end();
  await page.goto(url);
  await page.waitForSelector(LIVE);
  await page.locator('article[data-tile="BUSY"]').first().waitFor();
  process.kill(worker, 'SIGCONT');
  for (const slot of [1, 2, 4]) {
    await says(slot, 'word', /^PASS$/);
    await says(slot, 'order', /^REMOVE$/);
    await says(slot, 'serial', /\S/);
  }
  await says(3, 'word', /^FAIL$/);
  await says(3, 'order', /^RED BIN$/);
  await says(3, 'reason', 'read-back differs from what was written');
  await page.locator('#passed', { hasText: /3$/ }).waitFor();
  await page.locator('#failed', { hasText: /1$/ }).waitFor();
  await page.locator('#yield', { hasText: '75.0 %' }).waitFor();
}

async function a_fail_is_acknowledged_in_the_ledger() {
  await page.locator(`${tile(3)}.waits`).waitFor();
  await type(page, '3');
  await page.keyboard.press('Enter', { delay: 70 });
  await page.locator(`${tile(3)}:not(.waits)`).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('#slot-records').click();
  const rows = page.locator('#records-rows tr');
  await rows.filter({ hasText: 'verify-mismatch' }).waitFor();
  assert.equal(await rows.count(), 1);
  await page.locator('#records-serial').fill('');
  await page.keyboard.press('Enter');
  await page.locator('#records-answer', { hasText: '4 attempts' }).waitFor();
  assert.equal(await rows.filter({ hasText: 'host-readback' }).filter({ hasText: 'pass' }).count(), 3);
  await page.keyboard.press('Escape');
}

async function a_killed_web_role_comes_back_and_so_does_the_page() {
  // It is back after two seconds, which may pass before anybody looks.
  await page.evaluate(() => {
    new MutationObserver(() => { window.wasStale ||= document.body.classList.contains('stale'); }).observe(document.body, { attributes: true });
  });
  process.kill(process_of('web'), 'SIGKILL');
  await page.waitForFunction(() => window.wasStale);
  await page.waitForSelector(LIVE);
  await says(1, 'word', /^PASS$/);
  await page.waitForFunction(() => !document.querySelector('#alerts').textContent.includes('not served'));
}

async function a_job_is_closed_from_the_page_s_api_and_the_end_is_seen() {
  const status = await page.evaluate(async () => {
    const { token } = await (await fetch('/api/v1/token')).json();
    return (await fetch('/api/v1/job/close', { method: 'POST', headers: { 'X-Gangway-Token': token }, body: '{}' })).status;
  });
  assert.equal(status, 200);
  await page.locator('#job', { hasText: 'NO JOB' }).waitFor();
  const metrics = await (await fetch(`${url}metrics`)).text();
  assert.match(metrics, /gangway_units_total\{result="pass"\} 3\n/);
  const ended = new Promise((resolve) => demo.once('exit', resolve));
  demo.kill('SIGTERM');
  await page.waitForSelector('body.stale');
  await ended;
}

const watchdog = setTimeout(() => demo.kill('SIGKILL'), 5 * DEADLINE_MS);
try {
  for (const test of [a_batch_is_watched_to_its_end, a_fail_is_acknowledged_in_the_ledger,
    a_killed_web_role_comes_back_and_so_does_the_page, a_job_is_closed_from_the_page_s_api_and_the_end_is_seen]) {
    const started = Date.now();
    await test();
    console.log(`ok ${test.name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  }
  const ours = browser.complaints.filter((line) => !/net::ERR_/.test(line));
  assert.deepEqual(ours, [], 'the browser complains');
} catch (error) {
  await page.screenshot({ path: 'failed.png' }).catch(() => {});
  console.log(said.seen.map((line) => line.text).join('\n'));
  console.log(`FAILED ${error.stack}`);
  process.exitCode = 1;
} finally {
  clearTimeout(watchdog);
  demo.kill('SIGKILL');
  await browser.end();
}

// SPDX-License-Identifier: MIT
// Boards that check themselves, watched in a browser: `gangway demo --on-target`.
import assert from 'node:assert/strict';
import path from 'node:path';
import { control, gangway, lines, startBrowser, DEADLINE_MS } from './harness.mjs';

const tile = (slot) => `article[data-slot="${slot}"]`;
const browser = await startBrowser(); // first: the batch does not wait for it
const { page } = browser;
// A byte a second: they are at it until they are plugged in again.
const slow = [1, 2, 3, 4].flatMap((slot) => ['--fault', `${slot}=answer-slow@0=1`]);
const demo = gangway(['demo', '--boards', '4', '--rate', '24M', '--on-target', '0', ...slow, '--state', path.resolve('state'), '--listen', '127.0.0.1:0']);
const said = lines(demo.stdout);
const url = (await said.wait((line) => /page: http/.test(line.text), 'the page')).text.match(/http:\S+/)[0];
const says = (slot, part, value) => page.locator(`${tile(slot)} .${part}`, { hasText: value }).waitFor();

async function a_board_that_checks_itself_is_to_be_left_in_and_has_a_time() {
  await page.goto(url);
  await page.waitForSelector('body:not(.stale) article');
  for (const slot of [1, 2, 3, 4]) await says(slot, 'order', /^LEAVE IT IN$/);
  assert.equal(await page.locator(`${tile(1)} .word`).innerText(), 'BUSY');
  await says(1, 'rate', /^checks itself · at most \d:\d\d$/);
  const rate = page.locator(`${tile(1)} .rate`);
  const first = await rate.innerText();
  await rate.filter({ hasNotText: first }).waitFor(); // it counts down although nobody hears of the board
  assert.match(await rate.innerText(), /^checks itself · at most \d:\d\d$/);
  assert.equal(await page.locator('article.gone').count(), 0);
  if (process.argv[2]) await page.screenshot({ path: process.argv[2] });
}

async function and_then_each_has_its_verdict() {
  const station = control('state/control.sock'); // a socket's name is short
  for (const slot of ['1', '2', '3', '4']) {
    await station.call('fixture.unplug', { slot });
    if (slot === '3') await station.call('fixture.fault', { slot, fault: 'answer-flip@1100000' });
    await station.call('fixture.plug', { slot, board: 'same' });
  }
  station.end();
  for (const slot of [1, 2, 4]) await says(slot, 'word', /^PASS$/);
  await says(3, 'word', /^FAIL$/);
  await says(3, 'order', /^RED BIN$/);
  await page.locator('#yield', { hasText: '75.0 %' }).waitFor();
  const records = await (await fetch(`${url}api/v1/records`)).json();
  const methods = records.records.map((record) => [record.slot, record.result, record.verify_method, record.code]).sort();
  assert.deepEqual(methods.filter(([, result]) => result === 'pass').map(([slot, , method]) => [slot, method]),
    [['1', 'on-target'], ['2', 'on-target'], ['4', 'on-target']]);
  assert.deepEqual(methods.find(([slot]) => slot === '3').slice(1).filter((_, i) => i !== 1), ['fail', 'verify-mismatch']);
}

const watchdog = setTimeout(() => demo.kill('SIGKILL'), 3 * DEADLINE_MS);
try {
  for (const test of [a_board_that_checks_itself_is_to_be_left_in_and_has_a_time, and_then_each_has_its_verdict]) {
    const started = Date.now();
    await test();
    console.log(`ok ${test.name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  }
  assert.deepEqual(browser.complaints, [], 'the browser complains');
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

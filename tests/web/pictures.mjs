#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Takes pictures of the page in many states, to be looked at: tests/web/pictures FOLDER
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { startBrowser, startStation } from "./harness.mjs";
import * as scenes from './scenes.mjs';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: tests/web/pictures FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const full = { job: scenes.job, counts: scenes.counts };
const SHOTS = {
  mixed: { slots: 8, columns: 4, fields: { ...full, slots: scenes.mixed() } },
  pass: { slots: 8, columns: 4, fields: { ...full, slots: scenes.slots(8, 4, scenes.pass) } },
  rest: { slots: 8, columns: 4, fields: { ...full, job: { ...scenes.job, verify: false, unverified: 2, wanted: null }, import: { name: 'gateway-os 4.2.1', state: 'running', done: 412e6, total: 1.9e9, error: '' },
    alerts: [{ level: 'warn', text: 'clock: not synchronised' }], ledger: { seq: 1234, hash: 'ab'.repeat(32), state: 'failing', error: 'database or disk is full' },
    slots: scenes.slots(8, 4, (i) => [scenes.unverified(1), { ...scenes.pass(2), present: false }, { ...scenes.fail(3), present: false }, scenes.fail(4, { acknowledged: true }),
      scenes.fail(5, { code: 'store-damaged', blame: 'store', reason: 'the stored image is damaged', next: 'nothing is wrong with the board: the image is imported again' }),
      { ...scenes.hold(6), serial: null, code: 'serial-missing', reason: 'the board has no serial number', next: 'scan or allocate one' }, { present: true, state: 'present' }, scenes.awaiting(8)][i]) } },
  empty: { slots: 8, columns: 4, fields: {} },
  one: { slots: 1, columns: 1, fields: { ...full, slots: scenes.slots(1, 1, () => scenes.busy(1, 'writing', 0.3, 38e6)) } },
  many: { slots: 64, columns: 8, fields: { ...full, slots: scenes.slots(64, 8, (i) => (i % 11 === 5 ? scenes.fail(i) : i % 7 === 3 ? {} : i % 13 === 6 ? scenes.interrupted(i) : i % 3 ? scenes.pass(i) : scenes.busy(i, 'writing', i / 64, 5e6))) } },
};

for (const [name, shot] of Object.entries(SHOTS)) {
  const station = await startStation({ slots: shot.slots, columns: shot.columns });
  await station.do('snapshot', { fields: shot.fields });
  for (const [width, height] of [[1920, 1080], [360, 740]]) {
    const browser = await startBrowser({ width, height });
    await browser.page.goto(station.url);
    await browser.page.waitForSelector('body:not(.stale) article');
    await browser.page.screenshot({ path: path.join(folder, `${name}-${width}.png`), fullPage: width < 700 });
    if (name === 'mixed') {
      await browser.page.keyboard.press('7');
      await browser.page.keyboard.press('Enter');
      await browser.page.keyboard.press('Enter');
      await browser.page.screenshot({ path: path.join(folder, `dialog-${width}.png`) });
      await browser.page.keyboard.press('Escape');
      await station.do('kill');
      await browser.page.waitForSelector('body.stale');
      await browser.page.screenshot({ path: path.join(folder, `stale-${width}.png`), fullPage: width < 700 });
      await station.do('start');
    }
    if (browser.complaints.length) console.error(name, browser.complaints);
    await browser.end();
  }
  await station.end();
}

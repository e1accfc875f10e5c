// SPDX-License-Identifier: MIT
// What the page promises an operator. Arguments: parts of test names.
import assert from 'node:assert/strict';
import { startBrowser, startStation, scan, type, SRC } from './harness.mjs';
import * as scenes from './scenes.mjs';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const tile = (slot) => `article[data-slot="${slot}"]`;
const LIVE = 'body:not(.stale) article';
const LOST = /net::ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|RESPONSE_HEADERS_TRUNCATED|SOCKET_NOT_CONNECTED|NETWORK_CHANGED)/;

const browser = await startBrowser();
const { page, complaints } = browser;

await page.addInitScript(() => {
  window.tones = []; // when each was asked for
  window.heard = { heartbeat: 0, snapshot: 0 };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...args) { window.tones.push(performance.now()); return start.apply(this, args); };
  const listen = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (name, take) {
    return listen.call(this, name, name in window.heard ? (event) => { take(event); window.heard[name]++; } : take);
  };
});

async function open(station) {
  await page.goto(station.url);
  await page.waitForSelector(LIVE);
}

// What is done, and then the page has taken one more event of that name.
async function until_heard(name, act = () => {}) {
  const before = await page.evaluate((what) => window.heard[what], name);
  await act();
  await page.waitForFunction(([what, count]) => window.heard[what] > count, [name, before]);
}

const text = (selector) => page.locator(selector).innerText();
const says = (slot, part, value) => page.locator(`${tile(slot)} .${part}`, { hasText: new RegExp(`^${value}$`) }).waitFor();
const back = (slot) => page.locator(tile(slot)).evaluate((element) => getComputedStyle(element).backgroundColor);

// In the page: the texts whose colour is too near to what is behind them.
function faint() {
  const numbers = (colour) => { const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = (front, back) => [0, 1, 2].map((i) => front[i] * front[3] + back[i] * (1 - front[3]));
  const luminance = (rgb) => { const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || element.closest('.heard, option')) continue;
    const layers = [];
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      opacity *= Number(style.opacity);
      layers.unshift(/gradient/.test(style.backgroundImage) ? numbers(style.backgroundImage.match(/rgb[^)]*\)/)[0]) : numbers(style.backgroundColor));
    }
    const back = layers.reduce((under, layer) => over(layer, under), [0, 0, 0]);
    const style = getComputedStyle(element);
    const front = over([...numbers(style.color).slice(0, 3), opacity], back);
    const [low, high] = [luminance(front), luminance(back)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${element.className || element.id || element.tagName}: ${node.data.trim().slice(0, 40)}`);
  }
  return found;
}

const tests = {
  async a_batch_runs_to_pass(station) {
    await station.do('snapshot', { fields: { job: { ...scenes.job, pass: 0, fail: 0, inflight: 0 } } });
    await open(station);
    for (let n = 1; n <= 8; n++) await station.slot(String(n), scenes.busy(n, 'writing', 0.25, 38.2e6));
    for (let n = 1; n <= 8; n++) await says(n, 'order', 'program 25 %');
    assert.match(await text(`${tile(8)} .rate`), /^38\.2 MB\/s · \d:\d\d left$/);
    assert.equal(await text(`${tile(8)} .serial`), scenes.serial(8));
    const done = await page.locator(`${tile(8)} .done`).evaluate((e) => e.getBoundingClientRect().width / e.parentElement.getBoundingClientRect().width);
    assert.ok(Math.abs(done - 0.25) < 0.01, `the bar is at ${done}`);
    for (let n = 1; n <= 8; n++) await station.slot(String(n), scenes.busy(n, 'verifying', 0.9, 40e6));
    await says(3, 'order', 'verify 90 %');
    for (let n = 1; n <= 8; n++) await station.slot(String(n), scenes.pass(n));
    await station.set('job', { ...scenes.job, pass: 8, fail: 0 });
    await station.set('counts', { ...scenes.counts, yield: 1, uph: 320 });
    for (let n = 1; n <= 8; n++) {
      await says(n, 'word', 'PASS');
      assert.equal(await text(`${tile(n)} .order`), 'REMOVE');
    }
    await page.locator('#uph', { hasText: '320' }).waitFor();
    assert.deepEqual([await text('#passed'), await text('#yield'), await text('#wanted')], ['8', '100 %', '500']);
    assert.match(await text('#image'), /plan 3f7a91c2$/);
    await station.slot('2', { present: false });
    await says(2, 'order', 'LOAD NEXT'); // the verdict stays, and does not ask to remove what is gone
    assert.notEqual(await back(2), await back(1));
  },

  async a_board_that_checks_itself_is_busy_and_to_be_left_in(station) {
    await station.do('snapshot', { fields: { job: scenes.job } });
    await open(station);
    await station.slot('1', scenes.busy(1, 'writing', 0.25, 38.2e6));
    await says(1, 'order', 'program 25 %');
    await station.slot('1', scenes.awaiting(1));
    await says(1, 'order', 'LEAVE IT IN');
    assert.deepEqual([await text(`${tile(1)} .word`), await text(`${tile(1)} .rate`)], ['BUSY', 'checks itself · 0:42 left']);
    assert.equal(await text(`${tile(1)} .reason`), 'the board is checking itself → leave it plugged in');
    await station.slot('1', { ...scenes.awaiting(1, 599), eta_most: true });
    await says(1, 'rate', 'checks itself · at most 9:59');
    assert.equal(await page.locator(`${tile(1)}.gone`).count(), 0, 'it shows no disk, and is in its slot');
    await page.keyboard.press('1');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.locator('#slot-facts', { hasText: 'reads itself back' }).waitFor();
    assert.equal(await page.locator('#slot-facts', { hasText: 'taken out' }).count(), 0);
    await page.keyboard.press('Escape');
    await station.slot('1', scenes.pass(1));
    await says(1, 'order', 'REMOVE');
  },

  async the_ledger_s_pages_only_look_and_tell_what_the_wall_wants(station) {
    await station.do('snapshot', { fields: { job: scenes.job, slots: scenes.mixed() } });
    await page.goto(`${station.url}ledger`);
    await page.locator('#line.fail', { hasText: 'slot 3 FAIL, slot 5 HOLD' }).waitFor();
    for (const code of ['A', '3', 'SN/1 &?']) {
      await page.locator('main:not([aria-busy])').waitFor();
      await page.locator('#q').blur();
      await scan(page, code);
      await page.waitForURL((url) => url.searchParams.get('q') === code);
      await page.locator('main:not([aria-busy])').waitFor();
    }
    await page.locator('#q').blur();
    await type(page, 'a3 ');
    await page.keyboard.press('Enter', { delay: 70 });
    await page.waitForURL((url) => url.searchParams.get('q') === 'a3');
    await page.locator('main:not([aria-busy])').waitFor();
    const requests = station.requests().filter((request) => !['web.listening', 'subscribe'].includes(request.cmd));
    assert.deepEqual([...new Set(requests.map((request) => request.cmd))], ['record.query'], 'nothing but questions');
    assert.deepEqual(requests.filter((request) => request.args.query === 'search').map((request) => request.args.parameters.q), ['A', '3', 'SN/1 &?', 'a3']);
    await station.slot('3', { acknowledged: true });
    await page.locator('#line:not(.fail)', { hasText: 'slot 5 HOLD' }).waitFor();
    const streams = async () => Number((await (await fetch(`${station.url}metrics`)).text()).match(/gangway_sse_clients (\d+)/)[1]);
    const seen = (state) => page.evaluate((visible) => {
      Object.defineProperty(document, 'visibilityState', { value: visible, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
    // A closed stream is noticed at its next event.
    const until = async (count) => { for (let round = 0; await streams() !== count; round++) await station.slot('3', { done: round }); };
    await until(1);
    await seen('hidden'); // in a tab behind: no place of 32 is kept
    await until(0);
    await until_heard('snapshot', () => seen('visible'));
    assert.match(await text('#line'), /^the wall: slot 5 HOLD/);
    assert.equal(await streams(), 1);
  },

  async what_a_jobs_boards_look_like_is_approved_as_it_was_shown(station) {
    const signature = { manufacturer: '', product: 'Gateway <v2>', usb_id: '0525:a4a5', serial: 'GW[0-9]{2}', sizes: [7818182656, [8e9, 9e9]], luns: 1 };
    const job = { ...scenes.job, board_signature: { state: 'proposed', slot: '5', serial: 'GW01', signature } };
    const waits = (n) => ({ ...scenes.hold(n), code: 'signature-unapproved', reason: 'are the job\'s boards like this?' });
    await station.do('snapshot', { fields: { job, slots: scenes.slots(8, 4, (i) => (i === 4 || i === 5 ? waits(i + 1) : {})) } });
    await open(station);
    await says(5, 'order', 'THIS PRODUCT\\?');
    await page.locator(tile(6)).click(); // another board waits for the same answer, and is not asked about
    await page.locator('#slot-dialog[open]').waitFor();
    assert.equal(await page.locator('#slot-approve:visible, #slot-release:visible').count(), 0);
    await page.keyboard.press('Escape');
    await page.locator(tile(5)).click();
    await page.locator('#slot-approve:visible').waitFor();
    const facts = await text('#slot-facts');
    for (const part of ['Gateway <v2>', '(none)', 'GW[0-9]{2}', '7818182656 or 8000000000 to 9000000000']) assert.ok(facts.includes(part), `${part} in ${facts}`);
    await page.locator('#slot-approve').click();
    assert.deepEqual((await station.asked('job.signature.approve')).args, { signature });
    await page.locator('#slot-dialog[open]').waitFor({ state: 'hidden' });
    await page.locator(tile(5)).click();
    await page.locator('#slot-reject').click();
    assert.deepEqual((await station.asked('job.signature.reject')).args, { signature });
  },

  async a_fail_is_shown_heard_and_acknowledged_by_its_number(station) {
    await station.do('snapshot', { fields: { job: scenes.job } });
    await open(station);
    await type(page, 'm');
    await page.locator('#sound', { hasText: 'sound is on' }).waitFor();
    await page.locator('#typed').waitFor({ state: 'hidden' });
    await station.slot('3', scenes.fail(3));
    await says(3, 'word', 'FAIL');
    assert.equal(await text(`${tile(3)} .order`), 'RED BIN');
    assert.equal(await text(`${tile(3)} .reason`), 'read-back differs from what was written → red bin');
    assert.match(await page.locator('#announce').textContent(), /slot 3: FAIL RED BIN.*read-back differs/);
    // Again after ten seconds, which may have passed by now.
    const tones = await (await page.waitForFunction(() => window.tones.length >= 3 && window.tones)).jsonValue();
    assert.ok(tones.length % 3 === 0 && (tones[3] ?? Infinity) - tones[0] > 9900, `three tones, and again ten seconds later: ${tones}`);
    await page.locator(`${tile(3)}.waits`).waitFor();
    await type(page, '3');
    assert.equal(await text('#typed'), '3 ⏎');
    await page.keyboard.press('Enter', { delay: 70 });
    assert.deepEqual((await station.asked('slot.ack')).args, { slot: '3' });
    await page.locator(`${tile(3)}:not(.waits)`).waitFor();
    assert.equal(await text(`${tile(3)} .word`), 'FAIL'); // acknowledged, still not a good board
  },

  async one_key_acknowledges_the_only_one_and_two_are_taken_in_turn(station) {
    await station.do('snapshot', { fields: { job: scenes.job, slots: scenes.slots(8, 4, (i) => (i === 6 || i === 1 ? scenes.fail(i) : {})) } });
    await open(station);
    await type(page, 'a');
    await page.locator(`${tile(2)}:focus`).waitFor();
    assert.ok(!station.requests().some((request) => request.cmd === 'slot.ack'), 'the first key only marks');
    await type(page, ' ');
    await page.locator(`${tile(2)}:not(.waits)`).waitFor();
    await type(page, 'a');
    await page.locator(`${tile(7)}:not(.waits)`).waitFor();
    assert.deepEqual(station.requests().filter((r) => r.cmd === 'slot.ack').map((r) => r.args.slot), ['2', '7']);
  },

  async a_scanner_never_acknowledges(station) {
    await station.do('snapshot', { fields: { job: scenes.job, slots: scenes.slots(8, 4, (i) => (i === 0 ? scenes.fail(i) : i === 4 ? { ...scenes.hold(5), serial: null, acknowledged: true, code: 'serial-missing' } : {})) } });
    await open(station);
    await scan(page, 'A1'); // the only slot that waits for a serial gets it
    assert.deepEqual((await station.asked('slot.scan')).args, { slot: '5', serial: 'A1' });
    await says(5, 'serial', 'A1');
    await scan(page, 'a99'); // nobody waits any more: its records
    await page.waitForSelector('#records-dialog[open]');
    assert.equal(await page.locator('#records-serial').inputValue(), 'a99');
    await page.keyboard.press('Escape');
    await page.locator('#records-dialog').waitFor({ state: 'hidden' });
    await page.waitForFunction(() => !document.activeElement.closest('dialog')); // what types into it is not for the wall
    await scan(page, '1'); // a scanned slot label marks
    await page.locator(`${tile(1)}:focus`).waitFor();
    assert.ok(!station.requests().some((request) => request.cmd === 'slot.ack'), 'the scanner acknowledged');
    await page.locator(`${tile(1)}.waits`).waitFor();
  },

  async an_old_pass_never_looks_live(station) {
    await station.do('snapshot', { fields: { job: scenes.job, slots: scenes.slots(8, 4, scenes.pass) } });
    await open(station);
    const green = await back(1);
    await station.do('kill');
    await page.waitForSelector('body.stale');
    assert.match(await text('#stale'), /NOT LIVE since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: .*OLD/s);
    assert.equal(await text('#live'), 'NOT LIVE');
    assert.notEqual(await back(1), green);
    assert.equal(await page.locator(`${tile(1)} .word`).evaluate((e) => getComputedStyle(e, '::before').content), '"was "');
    assert.equal(await page.locator(`${tile(1)} .order`).isVisible(), false, 'it still says REMOVE');
    await station.slot('1', scenes.empty); // while nobody was watching
    await station.do('start');
    await page.waitForSelector(LIVE);
    assert.equal(await text(`${tile(1)} .word`), 'LOAD', 'live again, and not fresh');
    assert.equal(await back(2), green);
    assert.equal(await page.locator('#stale').isVisible(), false);
    await station.slot('4', scenes.fail(4));
    await says(4, 'word', 'FAIL');
    await type(page, 'a'); // the role has a new token; the page fetches it
    await page.locator(`${tile(4)}:not(.waits)`).waitFor();
  },

  async what_a_dialog_shows_is_not_taken_for_live_and_hides_no_fail(station) {
    await station.do('snapshot', { fields: { job: scenes.job, slots: scenes.slots(8, 4, (i) => (i === 3 ? scenes.pass(4) : {})) } });
    await open(station);
    await page.locator(tile(4)).click();
    await page.locator('#slot-title', { hasText: 'slot 4: PASS REMOVE' }).waitFor();
    await page.locator('#slot-release:visible').waitFor();
    await station.slot('2', scenes.fail(2));
    await page.locator('#slot-dialog .news', { hasText: 'FAIL: slot 2' }).waitFor();
    assert.equal(await page.locator('#slot-dialog .news').getAttribute('role'), 'alert'); // what is outside a modal dialog is not read aloud
    await station.do('kill');
    await page.locator('#slot-dialog .news', { hasText: /^NOT LIVE since .* UTC: / }).waitFor();
    assert.equal(await text('#slot-title'), 'slot 4: was PASS');
    assert.deepEqual(await page.locator('#slot-dialog button:visible').allInnerTexts(), ['its records', 'close'], 'nothing is to be done with what is old');
    await page.keyboard.press('Escape');
    await page.locator('#slot-dialog').waitFor({ state: 'hidden' });
    assert.match(await page.locator(tile(4)).getAttribute('aria-label'), /^NOT LIVE, was: slot 4: PASS/);
    await page.waitForFunction(() => !document.activeElement.closest('dialog'));
    await page.keyboard.press('4');
    await page.keyboard.press('Enter');
    await page.locator(`${tile(4)}:focus`).waitFor();
    await type(page, 'r');
    await page.locator('#records-answer', { hasText: 'no connection to the station' }).waitFor();
    await station.do('start');
    await page.waitForSelector(LIVE);
    await page.locator('#records-dialog .news', { hasText: /^FAIL: slot 2$/ }).waitFor();
    assert.match(await page.locator(tile(4)).getAttribute('aria-label'), /^slot 4: PASS/);
    await page.keyboard.press('Escape');
    await page.locator('#records-dialog').waitFor({ state: 'hidden' });
    await page.locator(tile(2)).click();
    await page.locator('#slot-title', { hasText: 'slot 2: FAIL' }).waitFor();
    assert.equal(await page.locator('#slot-dialog .news').textContent(), '', 'that is what it is about');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelector('#records-dialog .news').textContent === 'FAIL: slot 2');
  },

  async a_page_of_an_older_station_loads_itself_again(station) {
    await open(station);
    await page.evaluate(() => { window.older = true; });
    await station.do('snapshot', { fields: {} });
    await says(1, 'word', 'NO JOB');
    await station.do('snapshot', { fields: { job: scenes.job } });
    await says(1, 'word', 'LOAD');
    assert.equal(await page.evaluate(() => window.older), true, 'only another version is a reason');
    await station.do('snapshot', { fields: { version: '0.0.1' } });
    await page.waitForFunction(() => window.older === undefined && document.querySelector('body:not(.stale) article'));
  },

  async long_and_strange_names_keep_their_place(station) {
    const long = `GW-${'0'.repeat(50)}-4711`;
    const many = ['warn', 'error', 'warn', 'warn', 'error'].map((level, i) => ({ level, text: `${level} ${i}` }));
    await station.do('snapshot', { fields: { job: { ...scenes.job, order: 'W'.repeat(120), lot: '"<%>\u202e' }, alerts: many,
      slots: scenes.slots(8, 4, (i) => ({ ...scenes.hold(i), serial: long, reason: 'why '.repeat(60), next: 'what to do' })) } });
    for (const [width, height] of [[1920, 1080], [1366, 768], [360, 740]]) {
      await page.setViewportSize({ width, height });
      await open(station);
      if (width > 700) assert.ok(await page.locator('header').evaluate((head) => head.getBoundingClientRect().height) < 150, `the head at ${width}`);
      if (width > 700) assert.ok(await page.locator('#wall').evaluate((wall) => wall.getBoundingClientRect().height) > height * 0.45, `the wall at ${width}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    }
    await page.setViewportSize({ width: 1920, height: 1400 });
    await page.locator(`${tile(1)} .end:visible`).waitFor();
    const ends = await page.locator(tile(1)).evaluate((element) => {
      const box = (name) => element.querySelector(name).getBoundingClientRect();
      return { frame: box('.serial').right, end: box('.end').right, cut: element.querySelector('.begin').scrollWidth > element.querySelector('.begin').clientWidth, text: element.querySelector('.serial').textContent };
    });
    assert.ok(ends.end <= ends.frame && ends.cut, 'the end of a serial is seen, its middle gives way');
    assert.equal(ends.text, long);
    // A reason that is cut says so: the clamp ends in … after as many lines as there is room for.
    await page.waitForFunction((selector) => {
      const reason = document.querySelector(selector);
      const style = getComputedStyle(reason);
      return reason.clientHeight > 0 && Number(style.webkitLineClamp) === Math.round(reason.clientHeight / parseFloat(style.lineHeight));
    }, `${tile(1)} .reason`);
    assert.deepEqual((await page.locator('#alerts p').allInnerTexts()).map((line) => line.split(' ')[0]), ['error', 'error', 'warn', 'warn', 'warn']);
    assert.equal(await page.locator('#image').getAttribute('title'), `order ${'W'.repeat(120)} · lot "<%>\u202e · plan 3f7a91c2`);
    await page.setViewportSize({ width: 1920, height: 1080 });
  },

  // WCAG 2.1, 1.4.3: 4.5 to 1; 3 to 1 from 24 px on, or 18.66 px in bold.
  async every_text_can_be_read_against_what_is_behind_it(station) {
    const all = [scenes.pass, (n) => scenes.busy(n, 'verifying', 0.99, 123e6), scenes.fail, scenes.hold, scenes.refused, scenes.interrupted, scenes.unverified, (n) => ({ ...scenes.pass(n), present: false })];
    await station.do('snapshot', { fields: { job: { ...scenes.job, unverified: 1 }, counts: scenes.counts, slots: scenes.slots(8, 4, (i) => all[i](i)), alerts: [{ level: 'warn', text: 'warn' }, { level: 'error', text: 'error' }],
      import: { name: 'os', state: 'running', done: 1, total: 2, error: '' } } });
    await open(station);
    assert.deepEqual(await page.evaluate(faint), []);
    await page.locator(tile(4)).click();
    await page.locator('#slot-dialog[open]').waitFor();
    assert.deepEqual(await page.evaluate(faint), [], 'with a dialog');
    await station.do('kill');
    await page.locator('#slot-dialog .news', { hasText: 'NOT LIVE' }).waitFor();
    assert.deepEqual(await page.evaluate(faint), [], 'not live');
    await station.do('start');
    await page.waitForSelector(LIVE);
    await page.goto(`${station.url}ledger/nonsense`);
    await page.locator('h1', { hasText: 'not here' }).waitFor();
    await page.locator('#line.fail').waitFor();
    assert.deepEqual(await page.evaluate(faint), [], 'in the ledger');
  },

  async a_silent_station_is_not_live_although_the_web_role_is(station) {
    await station.do('snapshot', { fields: { job: scenes.job, slots: scenes.slots(8, 4, scenes.pass) } });
    await page.clock.install();
    await open(station);
    await until_heard('heartbeat');
    await page.clock.fastForward(14000);
    assert.equal(await page.locator('body.stale').count(), 0);
    await station.do('set_mute', { value: true });
    await page.clock.fastForward(16000);
    await page.waitForSelector('body.stale');
    assert.match(await text('#stale'), /silent|no connection/);
    await station.do('set_mute', { value: false });
    await page.clock.runFor(4000);
    await page.waitForSelector(LIVE);
    await page.clock.resume();
  },

  async a_page_that_slept_is_not_live_until_it_has_heard_again(station) {
    await station.do('snapshot', { fields: { job: scenes.job, slots: scenes.slots(8, 4, scenes.pass) } });
    await open(station);
    // In one go: no heartbeat comes in between. The first is what the back button brings, the second a lid that was closed.
    const shows = (slept, persisted) => page.evaluate(([ms, kept]) => {
      const now = Date.now;
      Date.now = () => now.call(Date) + ms;
      dispatchEvent(new PageTransitionEvent('pageshow', { persisted: kept }));
      Date.now = now;
      return [document.body.classList.contains('stale'), document.getElementById('stale-text').textContent];
    }, [slept, persisted]);
    for (const [slept, persisted, reason] of [[0, true, /asleep/], [60000, false, /silent/]]) {
      const [old, why] = await shows(slept, persisted);
      assert.ok(old && reason.test(why), `${slept} ms: ${why}`);
      await page.waitForSelector(LIVE);
    }
    await station.slot('4', scenes.fail(4));
    await says(4, 'word', 'FAIL');
  },

  async a_page_that_stays_open_keeps_nothing_of_what_it_showed(station) {
    await station.do('snapshot', { fields: { job: scenes.job } });
    await open(station);
    const session = await page.context().newCDPSession(page);
    const states = [scenes.pass, (n) => scenes.busy(n, 'writing', (n % 90) / 100, 38e6), scenes.fail, () => scenes.empty];
    let shown = 0;
    const run = async (rounds) => {
      for (let end = shown + rounds; shown < end; shown++) {
        await station.slot(String(1 + (shown % 8)), states[shown % 4](shown));
        await station.set('alerts', [{ level: 'warn', text: `alert ${shown}` }]);
        await page.locator('#alerts', { hasText: `alert ${shown}` }).waitFor(); // each is drawn, not the last alone
      }
      await session.send('HeapProfiler.collectGarbage');
      return session.send('Memory.getDOMCounters');
    };
    const before = await run(24);
    const after = await run(96);
    // Each round writes half a dozen texts anew and makes an alert: two nodes for that one alone.
    assert.ok(after.nodes - before.nodes < 90, `${before.nodes} nodes, ${after.nodes} after 96 rounds`);
    assert.ok(after.jsEventListeners - before.jsEventListeners < 20, `${before.jsEventListeners} listeners, ${after.jsEventListeners} after 96 rounds`);
    await session.detach();
  },

  async nothing_from_outside_becomes_markup(station) {
    const evil = '<img src=x onerror="window.hit=1"><script>window.hit=1</script><b>x</b>';
    await station.do('set_records', { records: [{ attempt: evil, serial: evil, slot: evil, result: evil, code: evil, text: evil, verify_method: evil, image: evil, plan_sha256: evil, closed: evil }] });
    await station.do('snapshot', { fields: { station: { name: evil }, job: { ...scenes.job, image: evil, plan_sha256: evil, start: evil }, import: { name: evil, state: 'failed', done: 1, total: null, error: evil },
      ledger: { seq: evil, hash: evil, state: 'failing', error: evil }, alerts: [{ level: evil, text: evil }],
      slots: scenes.slots(8, 4, () => scenes.fail(1, { serial: evil, reason: evil, next: evil, code: evil, text: evil, node: evil, verify_method: evil, finished: evil, blame: evil })) } });
    await open(station);
    await says(1, 'serial', evil.replace(/[()]/g, '\\$&'));
    await page.locator(tile(1)).click();
    await page.waitForSelector('#slot-dialog[open]');
    await page.locator('#slot-records').click();
    await page.locator('#records-rows tr').waitFor();
    assert.equal(await page.locator('body img, body b, body script').count(), 0);
    assert.equal(await page.evaluate(() => window.hit), undefined);
  },

  async everything_is_reached_by_keyboard(station) {
    await station.do('set_records', { records: [{ attempt: 7, serial: 'GW24-004105', slot: '5', result: 'pass' }] });
    await station.do('snapshot', { fields: { job: scenes.job, slots: scenes.mixed() } });
    await open(station);
    await type(page, '1');
    await page.keyboard.press('Enter', { delay: 70 });
    await page.locator(`${tile(1)}:focus`).waitFor();
    for (const [key, slot] of [['ArrowDown', 5], ['ArrowRight', 6], ['ArrowUp', 2], ['ArrowLeft', 1], ['ArrowUp', 1], ['ArrowDown', 5]]) {
      await page.keyboard.press(key);
      await page.locator(`${tile(slot)}:focus`).waitFor();
    }
    await page.keyboard.press('Enter');
    await page.waitForSelector('#slot-dialog[open]');
    assert.match(await text('#slot-title'), /slot 5: HOLD/);
    await page.keyboard.press('Shift+Tab');
    for (let i = 0; i < 9 && !(await page.locator('#slot-release:focus').count()); i++) await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter'); // without a reason nothing is released
    assert.equal(await page.locator('#slot-reason').evaluate((e) => e.validity.customError), true);
    await page.locator('#slot-reason:focus').waitFor();
    await page.keyboard.type('connector replaced');
    await page.keyboard.press('Tab');
    for (let i = 0; i < 9 && !(await page.locator('#slot-release:focus').count()); i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.deepEqual((await station.asked('slot.release')).args, { reason: 'connector replaced', slot: '5' });
    await page.locator('#slot-dialog').waitFor({ state: 'hidden' });
    await page.waitForFunction(() => !document.activeElement.closest('dialog'));
    await type(page, 'r');
    await page.waitForSelector('#records-dialog[open]');
    await page.keyboard.type('GW24-004105');
    await page.keyboard.press('Enter');
    await page.locator('#records-rows tr', { hasText: 'GW24-004105' }).waitFor();
    assert.equal(await text('#records-answer'), '1 attempt');
  },

  async what_stops_the_line_is_said_in_words(station) {
    await station.do('snapshot', { fields: { slots: scenes.slots(8, 4, (i) => (i === 0 ? scenes.fail(1, { blame: 'store', code: 'store-damaged' }) : {})) } });
    await open(station);
    assert.equal(await text('#job'), 'NO JOB');
    assert.equal(await text(`${tile(2)} .word`), 'NO JOB');
    assert.equal(await text(`${tile(1)} .order`), 'NOT THE BOARD'); // a good board does not go into the red bin
    await station.set('ledger', { seq: 9, hash: 'cd'.repeat(32), state: 'failing', error: 'database or disk is full' });
    await page.locator('#ledger-failing', { hasText: 'database or disk is full' }).waitFor();
    await station.set('import', { name: 'os', state: 'running', done: 5e8, total: 1e9, error: '' });
    await page.locator('#import-text', { hasText: 'reading image os: 50 %, 500.0 MB of 1.00 GB' }).waitFor();
    await station.set('import', { name: 'os', state: 'failed', done: 5e8, total: 1e9, error: 'os.xz: truncated' });
    await page.locator('#import-text', { hasText: 'COULD NOT BE IMPORTED: os.xz: truncated' }).waitFor();
    await station.set('alerts', [{ level: 'error', text: 'hub: power lost' }]);
    await page.locator('#alerts .error', { hasText: 'hub: power lost' }).waitFor();
    await station.set('ledger', { seq: 10, hash: 'cd'.repeat(32), state: 'ok', error: '' });
    await page.locator('#ledger-failing').waitFor({ state: 'hidden' });
    await station.do('set_refuse', { cmd: 'slot.ack', error: { code: 'busy', text: 'the ledger takes no rows' } });
    await type(page, 'a');
    await page.locator('#hint', { hasText: 'slot 1: the ledger takes no rows' }).waitFor();
    assert.match(complaints.pop(), /503/); // the browser logs the refusal
    await page.locator(`${tile(1)}.waits`).waitFor();
  },

  async nobody_is_told_to_load_what_would_not_be_started(station) {
    await station.do('snapshot', { fields: { job: { ...scenes.job, order: 'WO-7', lot: 'L1', product: 'Gateway', revision: 'C' } } });
    await open(station);
    assert.equal(await text('#image'), 'order WO-7 · lot L1 · Gateway rev. C · plan 3f7a91c2');
    await says(1, 'word', 'LOAD');
    assert.equal(await page.locator('#stopping').isVisible(), false);
    await station.set('station', { name: 'LINE 1', id: 'st-1', phase: 'stopping' });
    await page.locator('#stopping', { hasText: 'no other is started' }).waitFor();
    await says(1, 'word', 'STOPPING');
    assert.equal(await text(`${tile(1)} .order`), 'DO NOT LOAD');
    await station.set('station', { name: 'LINE 1', id: 'st-1', phase: 'running' });
    await says(1, 'word', 'LOAD');
    await station.set('job', { ...scenes.job, order: 'WO-7', state: 'closed', close_reason: 'complete', pass: 500, made: 500, inflight: 0 });
    await says(1, 'word', 'JOB DONE');
    assert.deepEqual([await text('#job'), await text('#image')], ['JOB DONE', 'last: gateway-os 4.2.1, closed · order WO-7']);
    await station.set('job', { ...scenes.job, state: 'closed', close_reason: 'operator' });
    await says(1, 'word', 'NO JOB');
  },

  async states_are_told_apart_without_colour_and_motion_is_optional(station) {
    await open(station);
    const shapes = await page.evaluate(async () => {
      const words = await import('/words.js');
      return ['LOAD', 'BUSY', 'PASS', 'FAIL', 'HOLD', 'REFUSED', 'INTERRUPTED', 'UNVERIFIED'].map((tile) => words.shape(tile));
    });
    assert.equal(new Set(shapes).size, 8);
    const shape = () => page.locator(`${tile(2)} path`).getAttribute('d');
    await station.set('job', scenes.job);
    await says(2, 'word', 'LOAD');
    assert.equal(await shape(), shapes[0]);
    await station.set('job', { ...scenes.job, state: 'closed', close_reason: 'complete' });
    await says(2, 'word', 'JOB DONE');
    assert.ok(!shapes.includes(await shape()), 'the arrow asks for a board that would not be started');
    await station.slot('1', scenes.fail(1));
    const motion = () => page.locator(`${tile(1)}.waits`).evaluate((e) => getComputedStyle(e).animationName);
    assert.equal(await motion(), 'none');
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    assert.equal(await motion(), 'call');
    await page.emulateMedia({ reducedMotion: 'reduce' });
  },

  async everything_fits_from_a_telephone_to_a_wall(station, startMany) {
    const all = [scenes.pass, (n) => scenes.busy(n, 'verifying', 0.99, 123e6), (n) => scenes.fail(n, { blame: 'store' }), scenes.hold, scenes.refused, scenes.interrupted, scenes.unverified, scenes.awaiting, () => ({})];
    for (const [count, columns, label] of [[8, 4], [32, 8], [64, 8], [1, 1], [10, 5, 'Vorne-']]) {
      const other = await startMany(count, columns);
      await other.do('snapshot', { fields: { job: scenes.job, counts: scenes.counts, slots: scenes.slots(count, columns, (i) => ({ ...all[(i + 2) % 9](i), ...(label && { slot: label + (i + 1) }) })) } });
      for (const [width, height] of [[360, 740], [800, 600], [800, 1280], [1024, 768], [1366, 768], [1920, 1080]]) {
        await page.setViewportSize({ width, height });
        await open(other);
        const wrong = await page.evaluate(() => {
          const problems = [];
          const root = document.documentElement;
          if (root.scrollWidth > innerWidth) problems.push(`the page is ${root.scrollWidth} wide`);
          const head = document.querySelector('header').getBoundingClientRect().height;
          if (innerWidth >= 800 && head > 130) problems.push(`the head is ${head} high`);
          if (innerWidth >= 1024 && !document.getElementById('unseen').hidden) problems.push(document.getElementById('unseen').textContent);
          if (innerWidth >= 1920 && root.scrollHeight > innerHeight) problems.push(`the page is ${root.scrollHeight} high`);
          for (const article of document.querySelectorAll('article')) {
            const frame = article.getBoundingClientRect();
            for (const name of ['slot', 'word', 'order', 'shape', 'rate', 'ack']) {
              const part = article.querySelector('.' + name);
              const box = document.createRange();
              box.selectNodeContents(part);
              const seen = name === 'shape' ? part.getBoundingClientRect() : box.getBoundingClientRect();
              if (seen.width && (seen.right > frame.right + 1 || seen.bottom > frame.bottom + 1 || seen.left < frame.left)) problems.push(`slot ${article.dataset.slot}: ${name} '${part.textContent}' is cut`);
            }
            const why = article.querySelector('.reason');
            const lines = why.clientHeight / parseFloat(getComputedStyle(why).lineHeight);
            if (Math.abs(lines - Math.round(lines)) > 0.1) problems.push(`slot ${article.dataset.slot}: its reason shows ${lines.toFixed(2)} lines`);
            const size = parseFloat(getComputedStyle(article.querySelector('.slot')).fontSize);
            const length = article.dataset.slot.length;
            if (size < Math.min(frame.height * 0.2, (frame.width * 0.6) / length)) problems.push(`slot ${article.dataset.slot}: its number is ${size} px in ${frame.height}`);
          }
          return problems;
        });
        assert.deepEqual(wrong, [], `${count} slots at ${width} × ${height}`);
      }
      await other.end();
    }
    await page.setViewportSize({ width: 1920, height: 1080 });
  },

  async a_wall_too_small_says_which_slots_it_does_not_show(station, startMany) {
    const other = await startMany(64, 2);
    await other.do('snapshot', { fields: { job: scenes.job, slots: scenes.slots(64, 2, scenes.pass) } });
    await page.setViewportSize({ width: 1366, height: 768 });
    await open(other);
    assert.match(await text('#unseen'), /^\d\d more slots: scroll$/);
    await other.slot('64', scenes.fail(64));
    await page.locator('#unseen.error', { hasText: /scroll; WAITING: 64$/ }).waitFor();
    await page.locator('#wall').evaluate((wall) => wall.scrollTo(0, wall.scrollHeight));
    await page.locator('#unseen:not(.error)', { hasText: /scroll$/ }).waitFor();
    await page.setViewportSize({ width: 1366, height: 3000 });
    await page.locator('#unseen').waitFor({ state: 'hidden' });
    await page.setViewportSize({ width: 1920, height: 1080 });
    await other.end();
  },

  async the_page_speaks_the_trades_words_and_names_no_other_host() {
    for (const name of readdirSync(`${SRC}/webui/page`)) {
      const source = readFileSync(`${SRC}/webui/page/${name}`, 'utf8');
      assert.doesNotMatch(source, /flash/i, name);
      for (const url of source.match(/https?:\/\/[^\s"')]+/g) || []) assert.equal(url, 'http://www.w3.org/2000/svg', name);
      assert.doesNotMatch(source, /innerHTML|insertAdjacentHTML|document\.write|eval\(/, name);
    }
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  if (process.argv.length > 2 && !process.argv.slice(2).some((part) => name.includes(part))) continue;
  const station = await startStation({ slots: 8, columns: 4 });
  const started = Date.now();
  complaints.length = 0;
  try {
    await test(station, (slots, columns) => startStation({ slots, columns }));
    // A connection that breaks is logged by the browser itself; all else, a policy violation above all, is ours.
    assert.deepEqual(complaints.filter((line) => !LOST.test(line)), [], 'the browser complains');
    console.log(`ok ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    await page.screenshot({ path: path.join(tmpdir(), `${name}.png`) }).catch(() => {});
    console.log(`FAILED ${name}: ${error.stack}`);
  }
  await page.goto('about:blank');
  await station.end();
}
await browser.end();
process.exitCode = failed ? 1 : 0;

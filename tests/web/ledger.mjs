// SPDX-License-Identifier: MIT
// An auditor's walk: a serial, its story, its lot, the certificate on paper, the table, the bundle.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { scan, startBrowser, SRC } from './harness.mjs';
import { reworkedLot } from './reworked.mjs';

const GANGWAY = process.env.GANGWAY || path.join(SRC, 'build/gangway');
const browser = await startBrowser();
const { page, complaints } = browser;
const line = await reworkedLot();
const asked = new Set();
page.on('request', (request) => asked.add(new URL(request.url()).origin));

const gangway = (...args) => execFileSync(GANGWAY, ['record', ...args, '--state', line.state], { encoding: 'utf8' });
const ready = () => page.locator('main:not([aria-busy])').waitFor();
const open = async (at) => { await page.goto(line.url + at); await ready(); };
const text = (selector) => page.locator(selector).first().innerText();
const digest = () => JSON.parse(gangway('report', 'image-history', '--json'))[0];

async function a_scanned_serial_leads_from_the_wall_to_its_story() {
  await page.goto(line.url);
  await page.locator('body:not(.stale) article').first().waitFor();
  await page.keyboard.press('l');
  await page.waitForURL(/\/ledger$/);
  await ready();
  await page.locator('#q').blur();
  await scan(page, line.serial);
  await page.waitForURL(new RegExp(`/ledger/units/${line.serial}$`));
  await ready();
  assert.equal(await text('h1'), line.serial);
  assert.match(await text('.state'), /PASS/);
}

async function the_story_reads_fail_rework_pass_without_colours() {
  const events = page.locator('.story > li');
  assert.deepEqual(await events.evaluateAll((items) => items.map((item) => item.dataset.what)), ['attempt', 'acknowledged', 'rework', 'returned', 'rework', 'attempt']);
  const [fail, , repair, returned, , pass] = await events.allInnerTexts();
  for (const words of ['FAIL', 'attempt 1', 'read-back differs', 'verify-mismatch, blamed on the device', 'slot 3']) assert.ok(fail.replace(/\n/g, ' ').includes(words), `${words}: ${fail}`);
  assert.match(repair, /eMMC resoldered/);
  assert.match(returned, /HOLD: IT CAME BACK/);
  for (const words of ['PASS', 'attempt 2', 'REWORK', 'eMMC resoldered', 'host-readback', '= the plan’s', line.lot]) assert.ok(pass.replace(/\n/g, ' ').includes(words), `${words}: ${pass}`);
  const shapes = await page.locator('.story .verdict path').evaluateAll((paths) => paths.map((d) => d.getAttribute('d')));
  assert.equal(new Set(shapes).size, 3, 'fail, hold and pass have a shape each');
  const hash = events.last().locator('.hash').last();
  assert.match(await hash.innerText(), /^[0-9a-f]{12}…$/);
  await hash.click();
  assert.equal(await hash.innerText(), digest().plan_sha256);
  assert.equal(await page.evaluate(() => getSelection().toString()), digest().plan_sha256);
}

async function the_lot_tells_its_yields_and_the_way_back_works() {
  await page.locator('.lead a', { hasText: line.lot }).click();
  await page.waitForURL(/\/ledger\/lots\//);
  await page.locator('.numbers').waitFor();
  const figures = await text('.numbers');
  assert.match(figures, /units passed\s+4/);
  assert.match(figures, /first-pass yield\s+75\.0 %\s+3 of 4/);
  assert.match(figures, /final yield\s+100 %\s+4 of 4/);
  const charts = page.locator('.chart svg');
  assert.equal(await charts.count(), 3);
  for (const chart of await charts.all()) {
    assert.ok(await chart.locator('title').first().textContent());
    assert.match(await chart.locator('desc').textContent(), /\d/);
    assert.ok(await chart.locator('text.value').count() > 0, 'its values can be read');
  }
  assert.match(await charts.nth(1).textContent(), /verify-mismatch/);
  await page.goBack();
  await page.locator('.story').waitFor();
  await page.reload();
  await page.locator('.story').waitFor();
  await page.goForward();
  await page.locator('.numbers').waitFor();
}

async function the_lot_s_tables_are_whole_on_paper() {
  const screen = page.viewportSize();
  await page.locator('.scroll table').nth(1).waitFor(); // units and jobs
  await page.emulateMedia({ media: 'print' });
  await page.setViewportSize({ width: 688, height: 1000 }); // A4 within its margins: 182 mm
  for (const table of await page.locator('.scroll table').all()) {
    const box = await table.boundingBox();
    assert.ok(box.x + box.width <= 688, `a table ends at ${box.x + box.width} of 688`);
  }
  await page.emulateMedia({ media: null });
  await page.setViewportSize(screen);
  assert.match(await page.locator('.scroll table').first().locator('th').allInnerTexts().then((heads) => heads.join()), /,closed \(UTC\),/);
  await page.pdf({ path: 'lot.pdf', preferCSSPageSize: true });
  const paper = execFileSync('pdftotext', ['-layout', 'lot.pdf', '-'], { encoding: 'utf8' });
  const sheets = Number(execFileSync('pdfinfo', ['lot.pdf'], { encoding: 'utf8' }).match(/^Pages: +(\d+)$/m)[1]);
  for (const said of [digest().plan_sha256, `page ${sheets} of ${sheets}`, `lot ${line.lot}`, new URL(line.url).host]) assert.ok(paper.includes(said), `${said} is not on the paper:\n${paper}`);
  assert.match(paper, /printed \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
}

async function sixty_four_slots_and_long_names_can_still_be_read() {
  const seen = await page.evaluate(async () => {
    const { bars, overTime, pareto } = await import('/chart.js');
    const { table } = await import('/table.js');
    const slots = Array.from({ length: 64 }, (_, i) => ({ label: `slot ${i + 1}`, bars: [{ value: i, name: 'write', text: `write ${i}` }] }));
    const failures = (list) => pareto('failures', [{ code: 'c', blame: 'device', slots: list, failures: 1, share: 1 }]).querySelector('.quiet').textContent;
    const day = (fail) => ({ at: '2026-11-21', pass: 5, fail, fail_other: 0 });
    const time = overTime('verdicts', [day(1), day(0)]);
    document.getElementById('page').replaceChildren(bars('speed', slots, 'MB/s'), table([{ unit: 'S'.repeat(200), result: 'pass', closed: '2026-11-21T09:00:00Z' }]), time);
    const last = [...document.querySelectorAll('.scroll th')].at(-1);
    return {
      drawings: [...document.querySelectorAll('.chart:not(.wide) svg')].map((svg) => [svg.querySelector('title').textContent, svg.querySelectorAll('rect').length]),
      where: [failures('3'), failures('3,4'), failures(slots.map((slot, i) => i).join(','))],
      end: last.getBoundingClientRect().right, hatched: getComputedStyle(time.querySelector('rect[fill^="url"]')).fill,
    };
  });
  assert.deepEqual(seen.drawings.map(([, count]) => count), [12, 12, 12, 12, 12, 4]);
  assert.equal(seen.drawings[5][0], 'speed (MB/s), slot 61 to slot 64');
  assert.deepEqual(seen.where, ['blames the device, slot 3', 'blames the device, slots 3, 4', 'blames the device, 64 slots']);
  assert.ok(seen.end <= page.viewportSize().width, `a long serial pushes the last column to ${seen.end}`);
  assert.match(seen.hatched, /^url\("#chart-\d+-hatch"\)/, 'a fail is told from a pass by colour alone');
  await page.reload();
  await page.locator('.numbers').waitFor();
}

async function no_certificate_is_given_before_a_signed_head_covers_the_units() {
  await page.locator('a', { hasText: 'certificate of conformance' }).click();
  await page.locator('h1', { hasText: 'No certificate yet' }).waitFor();
  assert.match(await text('.others'), /4 units \(no signed head covers it yet\)/);
}

async function the_certificate_is_one_a4_page_with_all_its_facts() {
  await line.station.call('job.close');
  await line.anchored();
  await page.reload();
  await page.locator('.paper').waitFor();
  assert.match(await text('.paper'), /gangway record export --job J0001 --format bundle --out FOLDER, then in the folder \.\/verify-ledger \. --heads KEPT-ELSEWHERE:/);
  await page.pdf({ path: 'certificate.pdf', preferCSSPageSize: true });
  const info = execFileSync('pdfinfo', ['certificate.pdf'], { encoding: 'utf8' });
  assert.match(info, /^Pages: +1$/m);
  assert.match(info, /\(A4\)/);
  const paper = execFileSync('pdftotext', ['-layout', 'certificate.pdf', '-'], { encoding: 'utf8' });
  const heads = JSON.parse(gangway('report', 'heads', '--json'));
  const units = JSON.parse(gangway('report', 'certificate', `lot=${line.lot}`, '--json'));
  assert.equal(units.length, 4);
  const anchored = Math.max(...heads.map((head) => head.row));
  for (const fact of ['Certificate of conformance', 'demo customer', 'demo board, revision A', 'DEMO-1', line.lot, '4 units certified', digest().source_sha256, digest().plan_sha256,
    'host-readback', `anchored to row ${anchored}`, 'delivered to a second folder', heads[0].key, heads[0].row_hash, 'signature', 'station demo', 'page 1 of 1', (await text('.issued')).match(/\d{4}-\d\d-\d\d/)[0], ...units.map((unit) => unit.unit)]) {
    assert.ok(paper.includes(fact), `${fact} is not on the paper:\n${paper}`);
  }
  assert.ok(!paper.includes('find') && !paper.includes('back to the lot'), 'the screen’s buttons are on the paper');
}

async function the_table_is_what_the_command_line_reports() {
  await page.locator('a', { hasText: 'back to the lot' }).click();
  await page.locator('.numbers').waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('a', { hasText: 'units as CSV' }).click()]);
  assert.equal(download.suggestedFilename(), `gangway-lot-units-${line.lot}.csv`);
  await download.saveAs('units.csv');
  const [head, ...rows] = readFileSync('units.csv', 'utf8').trimEnd().split('\r\n').map((row) => row.split(','));
  const report = JSON.parse(gangway('report', 'lot-units', `lot=${line.lot}`, '--json'));
  assert.deepEqual(head, Object.keys(report[0]));
  assert.deepEqual(rows, report.map((row) => Object.values(row).map(String)));
  assert.deepEqual(rows.map((row) => row[head.indexOf('certified')]), ['yes', 'yes', 'yes', 'yes']);
}

async function the_bundle_proves_itself_with_python_and_openssl_alone() {
  gangway('export', '--job', 'J0001', '--format', 'bundle', '--out', 'bundle');
  mkdirSync('bin');
  for (const tool of ['python3', 'openssl']) symlinkSync(execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(), `bin/${tool}`);
  const said = execFileSync('/usr/bin/env', ['-i', `PATH=${path.resolve('bin')}`, './bundle/verify-ledger', 'bundle'], { encoding: 'utf8' });
  assert.match(said, /5 attempts/);
  assert.match(said, /anchored to row \d+/);
}

async function every_page_fits_a_phone_and_survives_a_wrong_name() {
  await page.setViewportSize({ width: 360, height: 740 });
  const today = (await (await fetch(`${line.url}api/v1/units/${line.serial}`)).json()).events[0].utc.slice(0, 10);
  for (const at of ['', `units/${line.serial}`, `lots/${line.lot}`, `lots/${line.lot}/certificate`, 'orders/DEMO-1', 'images', `images/${digest().plan_sha256}`, `days/${today}`, 'reports', 'reports/slots', 'search?q=VB']) {
    await open(`ledger/${at}`);
    assert.equal(await page.locator('main [role="alert"]').count(), 0, `${at}: ${await page.locator('main').innerText()}`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${at} is wider than the screen`);
  }
  const before = complaints.length;
  await open('ledger/units/nobody');
  assert.match(await text('[role="alert"]'), /the ledger knows none of this name/);
  await page.locator('a', { hasText: 'find “nobody”' }).click();
  await page.locator('h1', { hasText: 'nothing is called “nobody”' }).waitFor();
  await open('ledger/nonsense');
  await page.locator('h1', { hasText: 'not here' }).waitFor();
  complaints.splice(before); // the browser tells of the 404
}

async function whoever_walks_away_from_the_ledger_leaves_the_wall_behind() {
  await page.clock.install();
  await page.goto(line.url);
  await page.locator('body:not(.stale) #ledger-link').click();
  await page.waitForURL(/\/ledger$/);
  await ready();
  await page.clock.fastForward('04:59');
  await page.evaluate(() => { window.moved = new Promise((seen) => addEventListener('pointermove', seen, { once: true })); });
  await page.mouse.move(100, 100); // somebody reads
  await page.evaluate(() => window.moved);
  await page.clock.fastForward('04:59');
  assert.match(page.url(), /\/ledger$/);
  await page.clock.fastForward('00:02');
  await page.waitForURL(line.url);
}

try {
  for (const test of [a_scanned_serial_leads_from_the_wall_to_its_story, the_story_reads_fail_rework_pass_without_colours, the_lot_tells_its_yields_and_the_way_back_works,
    the_lot_s_tables_are_whole_on_paper, sixty_four_slots_and_long_names_can_still_be_read, no_certificate_is_given_before_a_signed_head_covers_the_units, the_certificate_is_one_a4_page_with_all_its_facts, the_table_is_what_the_command_line_reports,
    the_bundle_proves_itself_with_python_and_openssl_alone, every_page_fits_a_phone_and_survives_a_wrong_name,
    whoever_walks_away_from_the_ledger_leaves_the_wall_behind]) {
    const started = Date.now();
    await test();
    console.log(`ok ${test.name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  }
  assert.deepEqual([...asked], [new URL(line.url).origin], 'a page asks another host');
  assert.deepEqual(complaints, [], 'the browser complains');
} catch (error) {
  await page.screenshot({ path: 'failed.png' }).catch(() => {});
  console.log(line.said.seen.map((entry) => entry.text).join('\n'));
  console.log(`FAILED ${page.url()} ${error.stack}`);
  process.exitCode = 1;
} finally {
  await line.end();
  await browser.end();
}

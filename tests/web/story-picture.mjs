// SPDX-License-Identifier: MIT
// Takes docs/story.png from a real ledger: node tests/web/story-picture.mjs [FILE]. With FOLDER/ all pages of the ledger, at
// 1920 and 360 px and on paper, to be looked at.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startBrowser, SRC } from './harness.mjs';
import { reworkedLot } from './reworked.mjs';

const to = path.resolve(process.argv[2] || path.join(SRC, 'docs/story.png'));
const all = process.argv[2]?.endsWith('/');
const scratch = mkdtempSync(path.join(tmpdir(), 'story-'));
process.chdir(scratch);
const line = await reworkedLot({ boards: 8 });
await line.station.call('job.close');
await line.anchored();
const pages = { home: '', story: `units/${line.serial}`, lot: `lots/${line.lot}`, certificate: `lots/${line.lot}/certificate`, order: 'orders/DEMO-1', images: 'images', day: `days/${new Date().toISOString().slice(0, 10)}`,
  reports: 'reports', report: 'reports/slots', search: 'search?q=V', none: 'units/nobody' };

async function picture(browser, name, options) {
  await browser.page.goto(`${line.url}ledger/${pages[name]}`);
  await browser.page.locator('main:not([aria-busy])').waitFor();
  await browser.page.locator('#q').blur();
  await browser.page.screenshot(options);
}

try {
  if (all) mkdirSync(to, { recursive: true });
  for (const [width, height] of all ? [[1920, 1080], [360, 740]] : [[1000, 600]]) {
    const browser = await startBrowser({ width, height });
    for (const name of all ? Object.keys(pages) : ['story']) {
      await picture(browser, name, { path: all ? path.join(to, `${name}-${width}.png`) : to, fullPage: true });
      if (all && width > 1000) await browser.page.pdf({ path: path.join(to, `${name}.pdf`), preferCSSPageSize: true });
    }
    await browser.end();
  }
} finally {
  await line.end();
  rmSync(scratch, { recursive: true, force: true });
}

// SPDX-License-Identifier: MIT
// Takes docs/page.png from the real demo: node tests/web/page-picture.mjs [FILE]
import { rmSync } from 'node:fs';
import path from 'node:path';
import { gangway, lines, startBrowser, SRC } from './harness.mjs';

const state = path.resolve('build/page-picture');
rmSync(state, { recursive: true, force: true });
const demo = gangway(['demo', '--boards', '8', '--rate', '12M', '--image', path.join(SRC, 'build/demo/gangway-demo.wic.xz'), '--state', state,
  '--fault', '3=flip@1100000', '--fault', '6=slow@1048576', '--fault', '8=slow@2097152', '--listen', '127.0.0.1:0']);
const said = lines(demo.stdout);
const browser = await startBrowser({ width: 1280, height: 720 });
try {
  const url = (await said.wait((line) => /page: http/.test(line.text), 'the page')).text.match(/http:\S+/)[0];
  await browser.page.goto(url);
  await browser.page.waitForFunction(() => document.querySelectorAll('article[data-tile="PASS"]').length === 5 &&
    document.querySelector('article[data-tile="FAIL"]'));
  await browser.page.screenshot({ path: process.argv[2] || path.join(SRC, 'docs/page.png') });
} finally {
  demo.kill('SIGKILL');
  await browser.end();
  rmSync(state, { recursive: true, force: true });
}

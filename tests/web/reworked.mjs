// SPDX-License-Identifier: MIT
// A real ledger: `gangway demo` programs a lot, slot 3's board reads back wrong, is acknowledged, repaired (its fault is
// taken away), comes back, is let go for rework with a reason, and passes; then the job is closed, which signs a head.
import path from 'node:path';
import { control, gangway, lines, DEADLINE_MS } from './harness.mjs';

export async function reworkedLot({ boards = 4, image = [] } = {}) {
  const state = path.resolve('state');
  const demo = gangway(['demo', '--boards', String(boards), '--rate', '0', '--fault', '3=flip@1100000', ...image, '--state', state, '--listen', '127.0.0.1:0']);
  const said = lines(demo.stdout);
  const watchdog = setTimeout(() => demo.kill('SIGKILL'), 3 * DEADLINE_MS);
  const url = (await said.wait((line) => /page: http/.test(line.text), 'the page')).text.match(/http:\S+/)[0];
  const station = control(path.relative('.', path.join(state, 'control.sock'))); // a socket's name is short
  const events = await station.subscribe();
  const slotIs = (label, ...states) => events((slots) => states.includes(slots.find((slot) => slot.slot === label).state), `slot ${label} ${states}`);
  const serial = async (label) => (await station.call('state')).slots.find((slot) => slot.slot === label).serial;
  for (let n = 1; n <= boards; n++) await slotIs(String(n), n === 3 ? 'fail' : 'pass');
  await station.call('slot.ack', { slot: '3' });
  await station.call('unit.dispose', { serial: await serial('3'), disposition: 'rework', reason: 'eMMC resoldered' });
  await station.call('fixture.unplug', { slot: '3' });
  await slotIs('3', 'empty');
  await station.call('fixture.plug', { slot: '3', board: 'same' });
  await slotIs('3', 'hold');
  await station.call('fixture.fault', { slot: '3', fault: 'none' });
  await station.call('slot.release', { slot: '3', reason: 'eMMC resoldered' });
  await slotIs('3', 'pass');
  return {
    url, state, station, said,
    // The newest head has left the station, and the ledger says so.
    async anchored() {
      const { rows } = await station.call('record.query', { query: 'report', parameters: { name: 'heads' } });
      await events((slots, ledger) => ledger.anchored >= rows[0].row, 'the head has left');
    },
    lot: 'DEMO-LOT-1',
    serial: await serial('3'),
    async end() {
      clearTimeout(watchdog);
      station.end();
      demo.kill('SIGKILL');
    },
  };
}

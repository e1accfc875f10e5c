// SPDX-License-Identifier: MIT
// Slots in the states that tests and pictures want.
export const DIGEST = '3f7a91c2d04e5b6688aa11bb22cc33dd44ee55ff66778899aabbccddeeff0011';

const board = { present: true, serial: null, serial_source: 'usb', attempt: 1, job: 'J-1', image: 'demo', node: '/dev/sdb', size: 7.8e9, total: 647e6,
  plan_sha256: DIGEST };

export const serial = (n) => `GW24-${String(4100 + n).padStart(6, '0')}`;
export const empty = { state: 'empty', tile: 'LOAD', present: false, serial: null, acknowledged: true, code: '', blame: '', reason: '', next: '', progress: 0, rate: 0, eta_s: null };
export const busy = (n, state, progress, rate) => ({ ...board, state, tile: 'BUSY', stage: state, serial: serial(n), progress, done: 647e6 * progress, rate,
  eta_s: rate ? Math.round((1 - progress) * 2 * 647e6 / rate) : null, acknowledged: false, code: '', reason: '', next: '' });
// A board that reads itself back shows no disk meanwhile.
export const awaiting = (n, eta_s = 42) => ({ ...busy(n, 'awaiting', 0.5, 0), present: false, eta_s, eta_most: false, reason: 'the board is checking itself', next: 'leave it plugged in' });
export const pass = (n) => ({ ...board, state: 'pass', tile: 'PASS', serial: serial(n), progress: 1, rate: 0, eta_s: null, verify_method: 'host-readback',
  readback_sha256: DIGEST, finished: '2026-11-21T06:31:12.000000Z', acknowledged: true });
export const fail = (n, fields = {}) => ({ ...board, state: 'fail', tile: 'FAIL', serial: serial(n), progress: 0.61, rate: 0, eta_s: null, acknowledged: false,
  code: 'verify-mismatch', blame: 'device', reason: 'read-back differs from what was written', next: 'red bin', finished: '2026-11-21T06:31:12.000000Z', ...fields });
export const hold = (n) => ({ ...board, state: 'hold', tile: 'HOLD', serial: serial(n), acknowledged: false, code: '', blame: '',
  reason: 'RETURNED: this board has its verdict already', next: 'remove it, or release it for retest or rework' });
export const refused = (n) => ({ ...board, state: 'refused', tile: 'REFUSED', serial: serial(n), acknowledged: false, code: 'target-mismatch', blame: 'operator',
  reason: "not this job's board", next: 'check the lot on this line' });
export const interrupted = (n) => ({ ...board, state: 'interrupted', tile: 'INTERRUPTED', serial: serial(n), acknowledged: false, code: 'interrupted', blame: 'station',
  reason: 'the station stopped in the middle', next: 'load the board again' });
export const unverified = (n) => ({ ...board, state: 'unverified', tile: 'UNVERIFIED', serial: serial(n), progress: 1, acknowledged: true });

export const job = { id: 'J-1', image: 'gateway-os 4.2.1', plan_sha256: DIGEST, state: 'open', wanted: 500, start: 'auto', verify: true, unmapped: 'keep', lun: 0,
  made: 112, pass: 112, fail: 3, unverified: 0, inflight: 3, opened: '2026-11-21T05:00:00Z', closed: null };
export const counts = { pass: 112, fail: 3, unverified: 0, inflight: 3, yield: 0.974, uph: 214 };

// Slots for a snapshot: `fields(i)` of each of `count`, in `columns` columns.
export function slots(count, columns, fields) {
  return Array.from({ length: count }, (_, i) => ({ index: i, slot: String(i + 1), row: Math.floor(i / columns), column: i % columns, ...empty, ...fields(i) }));
}

export const mixed = () => slots(8, 4, (i) => [pass(1), busy(2, 'writing', 0.43, 38.2e6), fail(3), busy(4, 'verifying', 0.82, 41e6), hold(5), {}, refused(7), interrupted(8)][i]);

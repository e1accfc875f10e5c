// SPDX-License-Identifier: MIT
// A unit's story: everything the ledger says of it, in order.
import { el, api, fetchJson, hash, time, verdict, facts, section, anchorLine, lotLink, orderLink, imageLink } from './el.js';
import { pager, download } from './table.js';

const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);
const speed = (bytes, seconds) => (bytes && seconds ? `${size(bytes)} in ${seconds.toFixed(seconds < 10 ? 1 : 0)} s, ${(bytes / seconds / 1e6).toFixed(1)} MB/s` : '');
const DISPOSITIONS = { first: 'first attempt', retest: 'RETEST', rework: 'REWORK' };

function proof(a) {
  if (!a.readback_sha256) return '';
  return [hash(a.readback_sha256), a.readback_sha256 === a.plan_sha256 ? ' = the plan’s' : ' ≠ the plan’s'];
}

const STARTS = { auto: 'by itself, as the job says', scan: 'its serial was scanned', start: 'START was pressed', release: 'it was released', retry: 'the station’s own retry' };
const started = (a) => (STARTS[a.start] ? STARTS[a.start] + (a.started_by ? ` (${a.started_by})` : '') : '');

const LEAVING = { left: 'it left', back: 'it is in ums again', stuck: 'it had to be unplugged' };

// A line of the station's, its digests shortened.
const told = (text) => text.split(/([0-9a-f]{64})/).map((part, i) => (i % 2 ? hash(part) : part));

function attempt(event) {
  const a = event.detail;
  const again = a.disposition !== 'first';
  return {
    tile: a.result,
    head: [verdict(a.result), el('span', null, `attempt ${a.number}`), again ? el('b', { class: 'again' }, DISPOSITIONS[a.disposition] || a.disposition) : ''],
    lines: [a.result === 'pass' ? 'Every byte was read back and is the image’s.' : told(event.text || a.code)],
    facts: [['slot', event.slot], ['why again', again ? event.reason : ''], ['who', event.operator], ['started', started(a)], ['lot', lotLink(a.lot)], ['order', orderLink(a.order)],
      ['image', imageLink(a.image, a.image_key)], ['code', a.code ? `${a.code}, blamed on the ${a.blame}` : ''], ['verified by', a.verify_method === 'none' ? '' : a.verify_method],
      ['plan', hash(a.plan_sha256)], ['read back', proof(a)], ['until', time(a.closed)]],
    more: [['attempt', a.attempt], ['rows', `${event.row}${a.close_row ? ` to ${a.close_row}` : ''}`], ['job', a.job], ['customer', a.customer], ['product', [a.product, a.revision].filter(Boolean).join(' ')],
      ['written', speed(a.bytes_written, a.write_s)], ['read back', speed(a.bytes_verified, a.verify_s)], ['retries', a.retries], ['let go', LEAVING[a.leaving] || a.leaving], ['size', a.size ? size(a.size) : ''], ['serial from', a.serial_source], ['the board itself says', a.usb_serial],
      ['port', a.port], ['hub', a.hub], ['U-Boot', a.uboot], ['blank check', a.blank], ['station', a.station], ['tool', a.tool], ['kernel', a.kernel], ['clock', a.clock_synchronised ? 'synchronised' : 'not synchronised']],
  };
}

const OTHERS = {
  refused: (e) => ({ tile: 'refused', head: verdict('refused'), lines: [e.text || e.reason], facts: [['slot', e.slot], ['code', e.reason], ['job', e.detail.job]] }),
  returned: (e) => ({ tile: 'returned', head: verdict('returned', 'HOLD: IT CAME BACK'), lines: ['A board with a verdict was loaded again: it waits for a person.'], facts: [['slot', e.slot], ['after attempt', e.detail.number]] }),
  acknowledged: (e) => ({ head: 'acknowledged', lines: [], facts: [['slot', e.slot], ['who', e.operator], ['attempt', e.detail.number], ['why', e.reason]] }),
  correction: (e) => ({ head: 'correction', lines: [`Row ${e.detail.row} stays as it is; ${e.detail.field ? `${e.detail.field} should read “${e.detail.value}”` : 'this was noted beside it'}.`], facts: [['why', e.reason], ['who', e.operator]] }),
  serial: (e) => ({ head: 'serial number reserved', lines: [], facts: [['pool', e.reason], ['attempt', e.detail.number], ['now', e.text]] }),
  quarantine: (e) => ({ tile: 'quarantine', head: verdict('quarantine', 'QUARANTINE'), lines: [e.reason], facts: [['who', e.operator]] }),
  scrapped: (e) => ({ tile: 'scrapped', head: verdict('scrapped', 'SCRAPPED'), lines: [e.reason], facts: [['who', e.operator]] }),
  released: (e) => ({ head: 'released', lines: [e.reason], facts: [['who', e.operator]] }),
};
const loaded = (word) => (e) => ({ head: e.text === 'slot.release' ? `let go for ${word}` : `to be loaded again: ${word}`, lines: [], facts: [['why', e.reason], ['who', e.operator]] });
OTHERS.rework = loaded('rework');
OTHERS.retest = loaded('retest');

function draw(event) {
  const made = event.what === 'attempt' ? attempt(event)
    : (OTHERS[event.what] || ((e) => ({ head: e.what, lines: [e.text, e.reason].filter(Boolean), facts: [['who', e.operator]] })))(event);
  return el('li', { 'data-what': event.what, 'data-tile': made.tile, id: `row-${event.row}` },
    el('div', { class: 'when' }, time(event.utc), el('span', { class: 'row' }, ` row ${event.row}`)),
    el('div', { class: 'what' }, el('h3', null, made.head), made.lines.filter((line) => line?.length).map((line) => el('p', null, line)), facts(made.facts),
      made.more ? el('details', null, el('summary', null, 'all of it'), facts(made.more)) : null));
}

function state(unit) {
  if (!unit) return [verdict('refused', 'NEVER PROGRAMMED')];
  const put = ['quarantine', 'scrapped'].includes(unit.disposition) ? verdict(unit.disposition, unit.disposition.toUpperCase()) : null;
  return [put, verdict(unit.result || 'open', unit.result ? unit.result.toUpperCase() : 'UNDER WAY')];
}

function summary(unit, events) {
  const last = events.filter((event) => event.what === 'attempt').at(-1);
  if (!unit || !last) return null;
  const again = last.detail.disposition === 'first' ? '' : `, ${DISPOSITIONS[last.detail.disposition] || last.detail.disposition}`.toLowerCase();
  return el('p', { class: 'lead' }, `${unit.attempts} attempt${unit.attempts === 1 ? '' : 's'}${again}; the last in slot ${last.slot}`,
    last.detail.lot ? [', lot ', lotLink(last.detail.lot)] : '', last.detail.image ? [', image ', imageLink(last.detail.image, last.detail.image_key)] : '', '.');
}

export async function story(serial, query) {
  const answer = await fetchJson(`${api('units', serial)}?${query}`);
  const { unit, events, anchor } = answer;
  const last = events.filter((event) => event.what === 'attempt').at(-1);
  document.title = `unit ${serial}`;
  return [
    el('p', { class: 'kind' }, 'unit'),
    el('div', { class: 'title' }, el('h1', { class: 'mono' }, serial), el('p', { class: 'state' }, state(unit))),
    summary(unit, events),
    anchorLine(anchor, last?.detail.close_row),
    section('what happened (times in UTC)', el('ol', { class: 'story' }, events.map(draw)), pager(answer)),
    el('p', { class: 'buttons' }, download(`${api('units', serial)}?format=csv`, 'history as CSV'), download(`/api/v1/records?${new URLSearchParams({ serial, format: 'csv' })}`, 'attempts as CSV')),
  ];
}

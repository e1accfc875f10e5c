// SPDX-License-Identifier: MIT
// A lot's certificate of conformance, to be printed: only units whose PASS is anchored: a signed head that has left the station covers it.
import { el, api, path, fetchJson, link, lotLink, ways, whyUnanchored } from './el.js';

const ROWS = 200, UNITS_MAX = 20000; // a certificate of more is no paper any more
const TRIES = 5; // a head may be signed while the pages are fetched
const day = (utc) => (utc || '').slice(0, 10);
const METHODS = { 'host-readback': 'every programmed byte read back from the unit by the station and its SHA-256 compared with the image’s plan', 'host-compare': 'every programmed byte read back from the unit by the station and compared with the image’s',
  'on-target': 'every programmed byte read back and its SHA-256 compared with the image’s plan: by the unit’s own boot loader, and by the station what makes the unit boot' };

const certified = (answer) => answer.images.reduce((sum, image) => sum + image.units, 0);

// All its pages from one state of the ledger, or null when it changed in between.
async function attempt(name) {
  const first = await fetchJson(`${api('lots', name, 'certificate')}?limit=${ROWS}`);
  for (let next = first.next; next;) {
    if (first.units.length >= UNITS_MAX) throw new Error(`a certificate lists at most ${UNITS_MAX} units: this lot has more; use its CSV`);
    const more = await fetchJson(`${api('lots', name, 'certificate')}?limit=${ROWS}&page=${next}`);
    if (more.anchor?.row !== first.anchor?.row || certified(more) !== certified(first)) return null;
    first.units.push(...more.units);
    next = more.next;
  }
  return first;
}

async function whole(name) {
  for (let i = 0; i < TRIES; i++) {
    const answer = await attempt(name);
    if (answer) return answer;
  }
  throw new Error('the ledger changed while the certificate was made: load it again');
}

function line(name, ...value) {
  return el('tr', null, el('th', { scope: 'row' }, name), el('td', null, value.flat().filter(Boolean).length ? value : '–'));
}

function leftOut(others) {
  if (!others.length) return null;
  return el('p', { class: 'others' }, 'Not covered by this certificate: ', others.map((other) => `${other.units} unit${other.units === 1 ? '' : 's'} (${other.why}${other.units === 1 ? `: ${other.example}` : ''})`).join('; '), '.');
}

function programmed(images) {
  return images.map((image) => el('tbody', { class: 'image' },
    line('image', `${image.image}, ${image.units} unit${image.units === 1 ? '' : 's'}, ${day(image.first)}${day(image.first) === day(image.last) ? '' : ` to ${day(image.last)}`}`),
    image.source_sha256 ? line('image SHA-256', el('span', { class: 'mono' }, image.source_sha256)) : null,
    line('plan SHA-256', el('span', { class: 'mono' }, image.plan_sha256)),
    line('verified by', `${image.verify_method}: ${METHODS[image.verify_method] || 'see the ledger'}`),
    line('station', `${image.station || '–'}, gangway ${image.tool}`)));
}

const SHELL_SAFE = /^[\w.+:@%/-]+$/;
const quoted = (word) => (SHELL_SAFE.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function toCheck(jobs) {
  const each = jobs.split(',');
  return [each.map((job, i) => [i ? ', ' : '', el('span', { class: 'mono' }, `gangway record export --job ${quoted(job)} --format bundle --out ${quoted(each.length > 1 ? `FOLDER-${job}` : 'FOLDER')}`)]),
    ', then in the folder ', el('span', { class: 'mono' }, './verify-ledger . --heads KEPT-ELSEWHERE'), ': it needs only python3 and openssl'];
}

function nothing(name, answer) {
  const { anchor } = answer;
  return [el('h1', null, 'No certificate yet'), el('p', { class: 'lead' }, 'No unit of lot ', lotLink(name), ' is PASS and anchored: covered by a signed head of the ledger that has left the station. A head is signed when a job closes, when rows wait for one too long, and when the station stops.'),
    anchor?.signed_row > (anchor?.row || 0) ? el('p', { class: 'anchor warn' }, `⚠ Signed to row ${anchor.signed_row}, ${anchor.row ? `anchored to row ${anchor.row}` : 'not anchored'}: ${whyUnanchored(anchor)}. A head that only lies in the station’s own folder proves nothing against its owner.`) : null,
    leftOut(answer.others)];
}

export async function certificate(name) {
  const answer = await whole(name);
  const { lot, units, images, others, anchor } = answer;
  document.title = `certificate ${name}`;
  if (!units.length) return nothing(name, answer);
  const print = el('button', { type: 'button', class: 'main' }, 'print');
  print.addEventListener('click', () => globalThis.print());
  return [
    el('p', { class: 'buttons screen' }, print, link(`${api('lots', name, 'certificate')}?format=csv`, 'CSV', { class: 'button', download: true }), link(path('lots', name), 'back to the lot', { class: 'button' })),
    el('article', { class: 'paper' },
      el('h1', null, 'Certificate of conformance'),
      el('p', { class: 'claim' }, `${units.length === 1 ? 'The unit listed below was' : `The ${units.length} units listed below were`} programmed with ${images.length === 1 ? 'the image' : 'one of the images'} named below, and read back and found identical to it. `,
        `The records are in the station’s chained ledger, anchored to row ${anchor.row} by a signed head that was delivered to ${ways(anchor.destinations)}.`),
      el('table', { class: 'sheet' },
        el('tbody', null, line('customer', lot.customer), line('product', [lot.product, lot.revision ? `revision ${lot.revision}` : ''].filter(Boolean).join(', ')), line('work order', lot.order), line('lot', lot.lot),
          line('quantity', `${units.length} unit${units.length === 1 ? '' : 's'} certified`, lot.wanted ? `, ${lot.wanted} ordered` : '', lot.open_jobs ? ' (the job is still open)' : ''),
          line('job', lot.jobs.split(',').join(', '), lot.job_revision ? `, revision ${lot.job_revision}` : '')),
        programmed(images)),
      el('h2', null, `serial numbers (${units.length})`),
      el('ul', { class: 'serials mono' }, units.map((unit) => el('li', null, unit.unit))),
      leftOut(others),
      el('h2', null, 'proof'),
      el('table', { class: 'sheet' }, el('tbody', null, line('ledger', el('span', { class: 'mono' }, anchor.ledger)),
        line('signed head', `anchored to row ${anchor.row}, signed ${anchor.signed.replace(/\.\d+Z$/, 'Z')} (${anchor.reason})`),
        line('delivered', `${anchor.delivered.replace(/\.\d+Z$/, 'Z')} to ${ways(anchor.destinations)}`),
        line('row’s hash', el('span', { class: 'mono' }, anchor.row_hash)),
        line('key’s fingerprint', el('span', { class: 'mono' }, anchor.key)),
        line('to check it', toCheck(lot.jobs)))),
      el('div', { class: 'sign' }, el('p', null, 'date'), el('p', null, 'name'), el('p', null, 'signature')),
      el('p', { class: 'issued' }, `issued ${new Date().toISOString().slice(0, 10)} by station ${anchor.station}`)),
  ];
}

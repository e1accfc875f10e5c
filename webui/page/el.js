// SPDX-License-Identifier: MIT
// Small pieces of the ledger's pages. Whatever comes from the ledger goes in as text, never as markup.
import { shape } from './words.js';
import { reach } from './actions.js';

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(4).filter((child) => child !== null && child !== undefined && child !== false && child !== ''));
  return element;
}

export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// A page of the ledger: path('units', 'A/B') is "/ledger/units/A%2FB".
export const path = (...parts) => ['/ledger', ...parts.map(encodeURIComponent)].join('/');
export const api = (...parts) => ['/api/v1', ...parts.map(encodeURIComponent)].join('/');
export const link = (href, text, attributes) => el('a', { href, ...attributes }, text);
export const unitLink = (unit) => (unit ? link(path('units', unit), unit, { class: 'mono' }) : '');
export const lotLink = (lot) => (lot ? link(path('lots', lot), lot) : '');
export const orderLink = (order) => (order ? link(path('orders', order), order) : '');
export const imageLink = (name, key) => (name || key ? link(path('images', key || name), name || key.slice(0, 12)) : '');

// "2026-11-21T06:31:12.123456Z" as people write it; always UTC, as in the ledger.
// `zone`: says so where no heading does.
export function time(utc, zone = '') {
  if (!utc) return '';
  const parts = utc.replace(/\.\d+Z$/, '').replace(/Z$/, '').split('T');
  return el('time', { datetime: utc, title: `${utc} (UTC)` }, parts.map((part, i) => [i ? ' ' : '', el('span', null, part)]), zone && ` ${zone}`);
}

// A digest: its beginning; a click shows all of it, marked for copying.
export function hash(digest) {
  if (!digest) return '';
  const button = el('button', { class: 'hash mono', type: 'button', title: `${digest}: click to copy`, 'aria-label': `digest ${digest}, copy` }, el('span', null, digest.slice(0, 12)), el('span', { class: 'screen' }, '…'), el('span', { class: 'paper-only' }, digest.slice(12)));
  button.addEventListener('click', () => {
    button.replaceChildren(digest);
    getSelection().selectAllChildren(button);
    // Away from https and localhost browsers have no clipboard: then Ctrl-C takes what is marked.
    navigator.clipboard?.writeText(digest).then(() => button.classList.add('copied'), () => {});
  });
  return button;
}

const TILES = { pass: 'PASS', fail: 'FAIL', unverified: 'UNVERIFIED', aborted: 'HOLD', interrupted: 'INTERRUPTED', refused: 'REFUSED', returned: 'HOLD', quarantine: 'HOLD', scrapped: 'FAIL', open: 'BUSY' };

// A verdict told by word and shape; colour only helps.
export function verdict(result, word = (result || '').toUpperCase()) {
  const tile = TILES[result] || '';
  return el('span', { class: 'verdict', 'data-tile': tile },
    tile ? svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: shape(tile), 'fill-rule': 'evenodd' })) : null, el('b', null, word));
}

export function facts(entries, attributes) {
  return el('dl', { class: 'facts', ...attributes }, entries.filter(([, value]) => value !== null && value !== undefined && value !== '' && !(Array.isArray(value) && !value.length))
    .map(([name, value]) => el('div', null, el('dt', null, name), el('dd', null, value))));
}

export const percent = (share) => (typeof share === 'number' ? `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)} %` : '–');

export function numbers(entries) {
  return el('dl', { class: 'numbers' }, entries.map(([name, value, note]) =>
    el('div', null, el('dt', null, name), el('dd', null, String(value ?? '–')), note ? el('dd', { class: 'note' }, note) : null)));
}

export function section(title, ...children) {
  return el('section', null, el('h2', null, title), children);
}

// Where the ledger vouches for what is shown.
const WAYS = { folder: 'a second folder', command: 'a command', http: 'an HTTP server', syslog: 'the system’s log' };
export const ways = (kinds) => (kinds || '').split(/[ ,]+/).filter(Boolean).map((kind) => WAYS[kind] || kind).join(' and ');

// Why what is signed is not anchored: a head that lies in the station's own folder proves nothing against its owner.
export const whyUnanchored = (anchor) => (anchor.heads_to === '' ? 'no head leaves this station: [heads] in its configuration names no place for them' : `the head has not left the station yet${anchor.heads_to ? ` (for ${ways(anchor.heads_to)})` : ''}`);

// Where the ledger vouches for what is shown: anchored (a head that has left the station covers it), signed, or neither.
export function anchorLine(anchor, row) {
  const signed = anchor?.signed_row || 0, anchored = anchor?.row || 0, at = row || 1;
  const warn = (...words) => el('p', { class: 'anchor warn' }, '⚠ ', words);
  if (anchored >= at) return el('p', { class: 'anchor' }, '✓ ', row ? `row ${row} is anchored: ` : '', `anchored to row ${anchored} of ${anchor.rows}`, sent(anchor), ', key ', hash(anchor.key));
  if (signed >= at) return warn(row ? `row ${row} is signed, not anchored: ` : `signed to row ${signed}, not anchored: `, whyUnanchored(anchor), '.');
  return warn(row ? `row ${row} is not signed yet` : 'no signed head yet: nothing here is anchored', anchored ? [`; anchored to row ${anchored}`, sent(anchor)] : '', '.');
}

function sent(anchor) {
  return [', signed ', time(anchor.signed, 'UTC'), `, delivered to ${ways(anchor.destinations)} `, time(anchor.delivered, 'UTC')];
}

export async function fetchJson(url) {
  const answer = await reach(url, { cache: 'no-store' });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(body.error?.text || `the station answered ${answer.status}`), { status: answer.status });
  return body;
}

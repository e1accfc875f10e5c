// SPDX-License-Identifier: MIT
// Tables of the ledger, whatever their columns: what is known by its name gets a link or a shorter form.
import { el, link, unitLink, lotLink, orderLink, imageLink, time, hash, verdict, percent, path } from './el.js';

const CELLS = {
  unit: unitLink,
  serial: unitLink,
  example: unitLink,
  lot: lotLink,
  order: orderLink,
  image: (name, row) => imageLink(name, row.image_key),
  name: (name, row) => (row.source_sha256 ? imageLink(name, row.key || row.plan_sha256) : name),
  result: (result) => (result ? verdict(result) : ''),
  unit_now: (result) => (result ? verdict(result) : ''),
  job: (job) => link(`${path('reports', 'yield')}?${new URLSearchParams({ job })}`, job),
  day: (day) => link(path('days', day), day),
};
const TIMES = /^(utc|at|opened|closed|added|removed|first|last|signed)$/;
const LONG = /^(what|text|reason|codes|why|slots|customer|product)$/;
const LONG_FROM = 40; // such a value is broken, or it would push all others off the screen
const DIGESTS = /(_sha256|_hash|^key|^signature)$/;
const TITLES = { write_mb_s: 'write MB/s', verify_mb_s: 'verify MB/s', readback_sha256: 'read back', plan_sha256: 'plan', source_sha256: 'image digest', bmap_sha256: 'bmap digest', work_order: 'order' };

function cell(name, value, row) {
  if (value === null || value === undefined || value === '') return '';
  if (CELLS[name]) return CELLS[name](String(value), row);
  if (DIGESTS.test(name) && String(value).length >= 40) return hash(String(value));
  if (TIMES.test(name) && /^\d{4}-/.test(value)) return time(String(value));
  if (/(yield|share)$/.test(name)) return percent(value);
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}

// `columns`: names, or nothing for all that the first row has.
export function table(rows, columns = rows.length ? Object.keys(rows[0]) : [], caption = '', none = 'none') {
  if (!rows.length) return el('p', { class: 'none' }, none);
  const numeric = new Set(columns.filter((name) => rows.some((row) => typeof row[name] === 'number')));
  const tall = new Set(columns.filter((name) => !DIGESTS.test(name) && rows.some((row) => String(row[name] ?? '').length > LONG_FROM)));
  const attributes = (name) => (numeric.has(name) ? { class: 'number' } : LONG.test(name) || tall.has(name) ? { class: 'long' } : null);
  const title = (name) => (TITLES[name] || name.replaceAll('_', ' ')) + (rows.some((row) => TIMES.test(name) && /^\d{4}-\d\d-\d\dT/.test(row[name])) ? ' (UTC)' : '');
  return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption || 'table' }, el('table', null,
    caption ? el('caption', null, caption) : null,
    el('thead', null, el('tr', null, columns.map((name) => el('th', { scope: 'col', ...attributes(name) }, title(name))))),
    el('tbody', null, rows.map((row) => el('tr', null, columns.map((name) => el('td', attributes(name), cell(name, row[name], row))))))));
}

// Links to the pages before and after; other arguments of the URL stay.
export function pager(answer) {
  const here = new URL(location.href);
  const to = (page, text, rel) => {
    const url = new URL(here);
    url.searchParams.set('page', page);
    return link(url.pathname + url.search, text, { rel });
  };
  const page = answer.page || 1;
  if (page === 1 && !answer.next) return null;
  return el('nav', { class: 'pager', 'aria-label': 'pages' }, page > 1 ? to(page - 1, '← before', 'prev') : null, ` page ${page} `,
    answer.next ? to(answer.next, 'more →', 'next') : '(the last)');
}

// A button that downloads: the browser asks where to.
export const download = (href, text) => link(href, text, { class: 'button', download: true });

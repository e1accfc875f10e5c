// SPDX-License-Identifier: MIT
// Search, images, a day, the reports.
import { el, api, path, fetchJson, facts, hash, link, numbers, percent, section, time } from './el.js';
import { table, pager, download } from './table.js';
import { overTime } from './chart.js';

const PAGES = { unit: 'units', lot: 'lots', order: 'orders', image: 'images', day: 'days' };

export async function search(text) {
  document.title = `find ${text}`;
  const { hits } = await fetchJson(`/api/v1/search?${new URLSearchParams({ q: text })}`);
  const exact = hits.filter((hit) => hit.exact);
  const at = (hit) => path(PAGES[hit.type], hit.id);
  // A scanner's code has one meaning: no list with one line in it.
  if (exact.length === 1) {
    location.replace(at(exact[0]));
    return [el('p', null, '…')];
  }
  if (!hits.length) return [el('h1', null, `nothing is called “${text}”`), el('p', { class: 'lead' }, 'The ledger was asked for a serial, a lot, a work order, an image (name or digest) and a day (as in 2026-11-21) that begin so, and for a serial that ends so (three characters at least) or has it in its middle (four). Capitals count.')];
  return [el('h1', null, `“${text}”`), el('ul', { class: 'hits' }, hits.map((hit) => el('li', null, link(at(hit), [el('span', { class: 'type' }, hit.type), ' ', el('b', { class: 'mono' }, hit.type === 'image' ? hit.id.slice(0, 16) : hit.id),
    el('span', { class: 'detail' }, ` ${hit.detail}`)]))))];
}

export async function images(query) {
  document.title = 'images';
  const answer = await fetchJson(`/api/v1/reports/image-history?${query}`);
  return [el('h1', null, 'images'), table(answer.rows, ['name', 'added', 'removed', 'passes', 'size', 'mapped', 'codec', 'source_sha256', 'plan_sha256', 'source_name', 'operator'], 'all images that were ever imported', 'no image was ever imported: gangway image add FILE'), pager(answer),
    el('p', { class: 'buttons' }, download('/api/v1/reports/image-history?format=csv', 'CSV'))];
}

export async function image(key, query) {
  const answer = await fetchJson(`${api('images', key)}?${query}`);
  const newest = answer.images.at(-1);
  document.title = `image ${newest.name}`;
  return [el('p', { class: 'kind' }, 'image'), el('div', { class: 'title' }, el('h1', null, newest.name), el('p', { class: 'buttons' }, download(`${api('images', key)}?format=csv`, 'units as CSV'))),
    facts([['image SHA-256', hash(newest.source_sha256)], ['plan SHA-256', hash(newest.plan_sha256)], ['bmap SHA-256', hash(newest.bmap_sha256)], ['size', `${newest.size} bytes, ${newest.mapped} of them programmed`], ['from', newest.source_name], ['operator', newest.operator]]),
    section('history', table(answer.images, ['name', 'added', 'removed', 'passes', 'source_sha256', 'plan_sha256'], 'imports')),
    section('lots made with it', table(answer.lots, undefined, 'lots')),
    section('units that hold it now', table(answer.units, ['unit', 'closed', 'lot', 'order', 'customer', 'slot', 'job'], 'units'), pager(answer)),
    section('jobs', table(answer.jobs, ['job', 'lot', 'order', 'customer', 'wanted', 'units_pass', 'opened', 'closed'], 'jobs'))];
}

function beside(day, by) {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + by);
  return date.toISOString().slice(0, 10);
}

export async function day(date, query) {
  document.title = date;
  const around = el('p', { class: 'pager' }, link(path('days', beside(date, -1)), `← ${beside(date, -1)}`), ' ', link(path('days', beside(date, 1)), `${beside(date, 1)} →`));
  const answer = await fetchJson(`${api('days', date)}?${query}`).catch((error) => ({ error }));
  if (answer.error) return [el('h1', null, date), around, el('p', { class: 'none' }, /knows none/.test(answer.error.message) ? 'The ledger has no row of this day.' : answer.error.message)];
  const { totals } = answer;
  return [el('p', { class: 'kind' }, 'day (UTC)'), el('div', { class: 'title' }, el('h1', null, date), el('p', { class: 'buttons' }, download(`${api('days', date)}?format=csv`, 'rows as CSV'))), around,
    numbers([['pass', totals.pass], ['fail', totals.fail, totals.fail_other ? `and ${totals.fail_other} not the board’s` : ''], ['first-pass yield', percent(totals.first_pass_yield), `${totals.first_pass} of ${totals.first_units}`],
      ['final yield', percent(totals.final_yield), `${totals.units_pass} of ${totals.units}`], ['rows', totals.rows]]),
    answer.times.length ? el('div', { class: 'charts' }, overTime('verdicts by hour (UTC)', answer.times)) : null,
    section('jobs', table(answer.jobs, ['job', 'lot', 'order', 'customer', 'product', 'image', 'wanted', 'units_pass', 'opened', 'closed'], 'jobs of the day')),
    section('row by row', table(answer.rows, ['row', 'utc', 'kind', 'what'], 'rows'), pager(answer))];
}

export async function reports() {
  document.title = 'reports';
  const answer = await fetchJson('/api/v1/reports');
  return [el('h1', null, 'reports'), el('ul', { class: 'reports' }, answer.reports.map((report) => el('li', null, el('h2', null, link(path('reports', report.name), report.name)), el('p', null, report.about))))];
}

// Fields for what a report takes; those of the URL are filled in.
function ask(report, given) {
  if (!report.takes.length) return null;
  const form = el('form', { class: 'ask' }, report.takes.map((name) => el('label', null, name, ' ',
    el('input', { name, value: given.get(name) || '', autocomplete: 'off', maxlength: 200, placeholder: ['from', 'to', 'day'].includes(name) ? '2026-11-21' : '' }))), el('button', null, 'show'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    location.assign(`${path('reports', report.name)}?${new URLSearchParams([...new FormData(form)].filter(([, value]) => value.trim()))}`);
  });
  return form;
}

export async function report(name, query) {
  document.title = `report ${name}`;
  const known = (await fetchJson('/api/v1/reports')).reports.find((entry) => entry.name === name);
  if (!known) throw new Error(`there is no report “${name}”`);
  const given = new URLSearchParams([...query].filter(([key, value]) => value && (key === 'page' || known.takes.includes(key))));
  if (known.needs_one && !known.takes.some((key) => given.has(key))) {
    return [el('p', { class: 'kind' }, link(path('reports'), 'reports')), el('h1', null, name), el('p', { class: 'lead' }, known.about), ask(known, given), el('p', { class: 'none' }, `Say of what: ${known.takes.join(' or ')}.`)];
  }
  const answer = await fetchJson(`${api('reports', name)}?${given}`);
  const csv = new URLSearchParams([...given].filter(([key]) => key !== 'page'));
  csv.set('format', 'csv');
  return [el('p', { class: 'kind' }, link(path('reports'), 'reports')), el('div', { class: 'title' }, el('h1', null, name), el('p', { class: 'buttons' }, download(`${api('reports', name)}?${csv}`, 'CSV'))),
    el('p', { class: 'lead' }, known.about), ask(known, given), table(answer.rows, undefined, name, 'nothing in the ledger answers this'), pager(answer)];
}

export async function home() {
  document.title = 'ledger';
  const recent = await fetchJson('/api/v1/reports/orders?limit=20');
  const records = await fetchJson('/api/v1/records?limit=20');
  return [el('h1', null, 'ledger'), section('lots and work orders, newest first', table(recent.rows, ['lot', 'order', 'customer', 'product', 'job', 'image', 'wanted', 'units_pass', 'units', 'opened', 'closed'], 'jobs', 'no job was opened yet')),
    section('last attempts', table(records.records, ['serial', 'result', 'code', 'slot', 'image', 'job', 'closed'], 'attempts', 'no board was programmed yet')), el('p', { class: 'quiet' }, 'as of ', time(new Date().toISOString(), 'UTC'))];
}

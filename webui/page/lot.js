// SPDX-License-Identifier: MIT
// A lot's or a work order's page: how many, how good, what failed, how fast.
import { el, api, path, fetchJson, facts, link, lotLink, numbers, orderLink, percent, section, anchorLine, imageLink, hash } from './el.js';
import { table, pager, download } from './table.js';
import { bars, overTime, pareto } from './chart.js';

const distinct = (rows, name) => [...new Set(rows.map((row) => row[name]).filter(Boolean))];
const rate = (value) => (typeof value === 'number' ? value.toFixed(value < 100 ? 1 : 0) : '–');
const commas = (items) => items.flatMap((item, i) => (i ? [', ', item] : [item]));

function images(jobs) {
  const seen = new Map(jobs.map((job) => [job.image_key || job.image, job]));
  return [...seen.values()].map((job) => [imageLink(job.image, job.image_key), ' ', hash(job.plan_sha256)]);
}

function head(jobs) {
  return facts([['customer', distinct(jobs, 'customer').join(', ')], ['product', distinct(jobs, 'product').join(', ')], ['revision', distinct(jobs, 'revision').join(', ')],
    ['work order', commas(distinct(jobs, 'order').map(orderLink))], ['lot', commas(distinct(jobs, 'lot').map(lotLink))], ['jobs', distinct(jobs, 'job').join(', ')],
    ['image, plan', commas(images(jobs))], ['operator', distinct(jobs, 'operator').join(', ')]]);
}

function figures(totals, jobs) {
  const wanted = jobs.length === 1 ? jobs[0].wanted : 0; // a job that follows another wants what is left: no sum
  return numbers([
    ['units passed', totals.units_pass, wanted ? `of ${wanted} wanted` : ''],
    ['first-pass yield', percent(totals.first_pass_yield), `${totals.first_pass} of ${totals.units} at the first attempt`],
    ['final yield', percent(totals.final_yield), `${totals.units_pass} of ${totals.units} in the end`],
    ['failures', totals.fail, totals.fail_other ? `and ${totals.fail_other} not the board’s` : `that ${totals.fail === 1 ? 'blames' : 'blame'} the board`],
    ['attempts', totals.attempts, totals.again ? `${totals.again} retest or rework` : ''],
  ]);
}

function charts({ times, slots, pareto: failures }) {
  const timed = slots.filter((slot) => slot.write_mb_s || slot.verify_mb_s);
  return el('div', { class: 'charts' },
    times.length ? overTime(`verdicts and yield, by ${times[0].at.length > 10 ? 'hour' : 'day'} (UTC)`, times) : null,
    failures.length ? pareto('failures by code', failures) : el('p', { class: 'none' }, 'nothing failed'),
    timed.length ? bars('speed of each slot', timed.map((slot) => ({
      label: `slot ${slot.slot}`,
      note: `${slot.pass} ✓ ${slot.fail} ✕`,
      bars: [{ value: slot.write_mb_s, name: 'write', text: `write ${rate(slot.write_mb_s)}` }, { value: slot.verify_mb_s, name: 'verify', text: `read back ${rate(slot.verify_mb_s)}` }],
    })), 'MB/s') : null);
}

const UNITS = ['unit', 'result', 'attempts', 'failures', 'codes', 'disposition', 'slot', 'closed', 'proof', 'certified'];

export async function lot(kind, name, query) {
  const words = kind === 'lots' ? 'lot' : 'work order';
  const answer = await fetchJson(`${api(kind, name)}?${query}`);
  const csv = `${api(kind, name)}?format=csv`;
  const of = new URLSearchParams({ [kind === 'lots' ? 'lot' : 'order']: name, format: 'csv' });
  document.title = `${words} ${name}`;
  return [
    el('p', { class: 'kind' }, words),
    el('div', { class: 'title' }, el('h1', null, name),
      el('p', { class: 'buttons' }, kind === 'lots' ? link(path('lots', name, 'certificate'), 'certificate of conformance', { class: 'button main' }) : null,
        download(csv, 'units as CSV'), download(`/api/v1/records?${of}`, 'attempts as CSV'))),
    head(answer.jobs),
    figures(answer.totals, answer.jobs),
    anchorLine(answer.anchor),
    charts(answer),
    section('units', table(answer.units, UNITS, 'units of this ' + words), pager(answer)),
    section('jobs', table(answer.jobs, ['job', 'order', 'lot', 'image', 'wanted', 'units_pass', 'first_pass', 'first_units', 'fail', 'opened', 'closed', 'close_reason'], 'jobs')),
  ];
}

// SPDX-License-Identifier: MIT
// The head of the page: job, counts, ledger, import, alerts.
import * as words from './words.js';

const byId = (id) => document.getElementById(id);

function put(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

// Whose boards these are: what the paper beside the line says too.
function work(job) {
  const product = [job.product, job.revision && `rev. ${job.revision}`].filter(Boolean).join(' ');
  return [job.order && `order ${job.order}`, job.lot && `lot ${job.lot}`, product].filter(Boolean);
}

function drawJob(state) {
  const job = state.job;
  byId('stopping').hidden = state.station?.phase !== 'stopping';
  put('station', state.station?.name || 'Gangway');
  if (!words.isOpen(job)) {
    put('job', words.isDone(job) ? 'JOB DONE' : 'NO JOB');
    drawImage(job ? [`last: ${job.image}, closed`, ...work(job)].join(' · ') : 'open one: gangway job open IMAGE');
    return;
  }
  put('job', job.image + (job.state === 'closing' ? ' – closing' : ''));
  const policy = [!job.verify ? 'NOT VERIFIED' : job.verify_how === 'compare' ? 'verify: compare' : '', job.unmapped === 'zero' ? 'unmapped zeroed' : '', job.start === 'auto' ? '' : `start: ${job.start}`];
  drawImage([...work(job), `plan ${words.short(job.plan_sha256)}`, ...policy.filter(Boolean)].join(' · '));
}

function drawImage(text) {
  put('image', text);
  byId('image').title = text; // two lines of it are shown
}

function drawCounts(state) {
  const counts = state.counts || {};
  const job = state.job;
  const number = (value) => (value === null || value === undefined ? '–' : String(value));
  put('passed', number(job ? job.pass : counts.pass));
  put('failed', number(job ? job.fail : counts.fail));
  put('unverified', number(job ? job.unverified : counts.unverified));
  byId('unverified-box').hidden = !(job ? job.unverified : counts.unverified);
  put('wanted', job ? (job.wanted ? String(job.wanted) : 'any') : '–');
  put('yield', typeof counts.yield === 'number' ? `${(counts.yield * 100).toFixed(counts.yield === 1 ? 0 : 1)} %` : '–');
  put('uph', typeof counts.uph === 'number' ? counts.uph.toFixed(0) : '–');
}

function drawLedger(ledger) {
  put('ledger', `ledger ${ledger ? ledger.seq : '–'}${ledger?.hash ? ' · ' + words.short(ledger.hash) : ''}`);
  const failing = ledger?.state === 'failing';
  byId('ledger-failing').hidden = !failing;
  put('ledger-failing', failing ? `THE LEDGER TAKES NO ROWS: no board is started. ${ledger.error || ''}` : '');
}

function drawImport(running) {
  const shown = Boolean(running) && running.state !== 'confirmed';
  byId('import').hidden = !shown;
  byId('import').className = `banner ${running?.state === 'failed' ? 'error' : 'info'}`;
  if (!shown) return;
  const bar = byId('import-bar');
  bar.hidden = running.state === 'failed';
  if (running.total) bar.value = running.done / running.total;
  else bar.removeAttribute('value');
  const part = running.total ? `${Math.floor((100 * running.done) / running.total)} %, ` : '';
  put('import-text', running.state === 'failed'
    ? `IMAGE ${running.name} COULD NOT BE IMPORTED: ${running.error || ''}`
    : `reading image ${running.name}: ${part}${words.size(running.done)}${running.total ? ' of ' + words.size(running.total) : ''}`);
}

function drawAlerts(alerts) {
  const urgent = (alert) => (alert.level === 'error' ? 0 : 1);
  const lines = [...(alerts || [])].sort((a, b) => urgent(a) - urgent(b)).map((alert) => {
    const line = document.createElement('p');
    line.className = `banner ${alert.level === 'error' ? 'error' : 'warn'}`;
    line.textContent = alert.text;
    return line;
  });
  byId('alerts').replaceChildren(...lines);
}

export function drawHead(state, changed) {
  if (changed.has('job') || changed.has('counts') || changed.has('station')) {
    drawJob(state);
    drawCounts(state);
  }
  if (changed.has('ledger')) drawLedger(state.ledger);
  if (changed.has('import')) drawImport(state.import);
  if (changed.has('alerts')) drawAlerts(state.alerts);
}

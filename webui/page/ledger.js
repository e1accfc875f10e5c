// SPDX-License-Identifier: MIT
// The ledger's pages: which one this URL is, the search box, and what the line needs meanwhile.
import { el, link, path } from './el.js';
import { listen } from './keys.js';
import { openStream } from './stream.js';
import { needsAck } from './words.js';
import { story } from './story.js';
import { lot } from './lot.js';
import { certificate } from './certificate.js';
import * as lists from './lists.js';

const byId = (id) => document.getElementById(id);
const IDLE_MS = 300000;

function page(parts, query) {
  const [kind, name, more] = parts;
  query.delete('q');
  if (!kind) return lists.home();
  if (kind === 'units' && name) return story(name, query);
  if (kind === 'lots' && more === 'certificate') return certificate(name);
  if ((kind === 'lots' || kind === 'orders') && name) return lot(kind, name, query);
  if (kind === 'images') return name ? lists.image(name, query) : lists.images(query);
  if (kind === 'days' && name) return lists.day(name, query);
  if (kind === 'reports') return name ? lists.report(name, query) : lists.reports();
  throw new Error('there is no such page');
}

// Nothing came: why, and what to do now.
function failed(error, parts) {
  const lost = error.status ? error.status !== 404 : /^no connection/.test(error.message);
  document.title = lost ? 'no answer' : 'not here';
  return [el('h1', null, lost ? 'the ledger did not answer' : 'not here'), el('p', { class: 'lead', role: 'alert' }, error.message),
    el('p', { class: 'buttons' }, lost ? link(location.href, 'try again', { class: 'button' }) : parts?.[1] ? link(`${path('search')}?${new URLSearchParams({ q: parts[1] })}`, `find “${parts[1]}” in all of the ledger`, { class: 'button' }) : null,
      link(path(), 'the ledger’s first page', { class: 'button' }))];
}

async function show() {
  const query = new URLSearchParams(location.search);
  const q = (query.get('q') || '').trim();
  let parts;
  let content;
  try {
    parts = location.pathname.split('/').slice(2).filter(Boolean).map(decodeURIComponent);
    document.body.dataset.page = parts.slice(0, 3).length === 3 ? parts[2] : parts[0] || 'home';
    byId('q').value = q;
    content = parts[0] === 'search' && q ? await lists.search(q) : await page(parts[0] === 'search' ? [] : parts, query);
  } catch (error) {
    content = failed(error, parts);
  }
  byId('page').replaceChildren(...content.flat().filter(Boolean));
  byId('page').removeAttribute('aria-busy');
}

// The wall is not seen from here: what it wants is said in the head.
function drawLine(slots) {
  const waiting = slots.filter(needsAck);
  byId('line').textContent = waiting.length ? `the wall: ${waiting.map((slot) => `slot ${slot.slot} ${slot.tile}`).join(', ')}` : '';
  byId('line').classList.toggle('fail', waiting.some((slot) => slot.tile === 'FAIL'));
}

let slots = [];
const stream = openStream({
  take(name, event) {
    if (name === 'snapshot') slots = event.slots;
    else if (name === 'slot') slots = slots.map((slot) => (slot.index === event.slot.index ? event.slot : slot));
    drawLine(slots);
  },
  live() { byId('line').classList.remove('stale'); },
  stale(since, why) {
    byId('line').textContent = `the wall is not live: ${why}`;
    byId('line').classList.remove('fail');
    byId('line').classList.add('stale');
  },
});

document.addEventListener('visibilitychange', () => stream.pause(document.visibilityState === 'hidden'));

const find = (text) => location.assign(`${path('search')}?${new URLSearchParams({ q: text.trim() })}`);
// What a scanner or a person types beside the box is looked for as well; no key is a command here, nothing is acknowledged.
listen({ command: () => false, entered: find, scanned: find, typed: (text) => { if (text) byId('q').value = text; } });
byId('search').addEventListener('submit', (event) => {
  event.preventDefault(); // the page's policy lets no form go anywhere by itself
  find(byId('q').value);
});
if (matchMedia('(pointer: fine)').matches) byId('q').focus({ preventScroll: true }); // on a phone it would call the keyboard
byId('today').href = path('days', new Date().toISOString().slice(0, 10));

// Whoever came from the wall may have walked away: the line must not stay unseen.
if (sessionStorage.getItem('wall')) {
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => location.assign('/'), IDLE_MS);
  };
  for (const sign of ['keydown', 'pointerdown', 'scroll', 'pointermove']) addEventListener(sign, wait, { passive: true });
  wait();
}

// Every sheet of paper says what it is of, when it was printed and from where; as a string of CSS, with \ and " marked.
const foot = new CSSStyleSheet();
document.adoptedStyleSheets.push(foot);
addEventListener('beforeprint', () => {
  const title = document.title.length > 60 ? `${document.title.slice(0, 40)}…${document.title.slice(-19)}` : document.title;
  const said = `\u2068${title}\u2069 · printed ${new Date().toISOString().slice(0, 19).replace('T', ' ')} UTC · ${location.host}`;
  foot.replaceSync(`@page { @bottom-left { content: "${said.replace(/["\\]/g, '\\$&').replace(/[\n\r\f]/g, ' ')}"; } }`);
});

show();

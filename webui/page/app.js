// SPDX-License-Identifier: MIT
// Puts stream, wall, keyboard, sound and dialogs together; holds the one copy of the station's state.
import { openStream } from './stream.js';
import { makeWall } from './wall.js';
import { drawHead } from './head.js';
import { makeSound } from './sound.js';
import { listen } from './keys.js';
import { makeDetail } from './detail.js';
import { makeRecords } from './records.js';
import { slotAction } from './actions.js';
import * as words from './words.js';

const byId = (id) => document.getElementById(id);
const ALL = ['slots', 'station', 'job', 'counts', 'ledger', 'import', 'alerts'];
const KEYS = 'A acknowledge · slot number + Enter · R records · L ledger · M sound · ? keys';

let state = null;
let failing = new Set(); // labels of unacknowledged FAILs, to hear a new one
let changed = new Set(); // what the next frame draws
let hintTimer = 0;
let notLive = ''; // since when and why
let version = null; // of the station whose page this is

const wall = makeWall(byId('wall'));
const records = makeRecords();
const detail = makeDetail({ showRecords: (serial) => records.open(serial) });
const sound = makeSound(drawSound);

function hint(text, seconds = 6) {
  byId('hint').textContent = text;
  clearTimeout(hintTimer);
  hintTimer = setTimeout(() => { byId('hint').textContent = KEYS; }, seconds * 1000);
}

function drawSound() {
  const button = byId('sound');
  const text = { on: 'sound is on', off: 'sound is OFF', locked: 'sound off: press a key' }[sound.state()];
  button.textContent = text;
  button.setAttribute('aria-pressed', String(sound.state() === 'on'));
  button.classList.toggle('warn', sound.state() !== 'on');
}

function hearFails() {
  const now = new Set(state.slots.filter((slot) => slot.tile === 'FAIL' && words.needsAck(slot)).map((slot) => slot.slot));
  const fresh = [...now].filter((label) => !failing.has(label));
  failing = now;
  sound.fail(now.size > 0, fresh.length > 0);
  drawNews();
  if (fresh.length) {
    byId('announce').textContent = fresh
      .map((label) => words.spoken(state.slots.find((slot) => slot.slot === label), state.job)).join('; ');
  }
}

// A dialog covers the wall, and what is behind it is not read aloud: what cannot wait is said in the dialog too.
function drawNews() {
  const others = [...failing].filter((label) => label !== detail.shown());
  const text = notLive ? `NOT LIVE ${notLive}` : others.length ? `FAIL: ${others.length > 1 ? 'slots' : 'slot'} ${others.join(', ')}` : '';
  for (const line of document.querySelectorAll('dialog .news')) {
    if (line.textContent !== text) line.textContent = text;
  }
}

// A wall too small for its slots says which of them it does not show.
function drawUnseen() {
  const labels = wall.unseen();
  const waiting = state ? state.slots.filter((slot) => words.needsAck(slot) && labels.includes(slot.slot)).map((slot) => slot.slot) : [];
  const element = byId('unseen');
  element.hidden = !labels.length;
  element.classList.toggle('error', waiting.length > 0);
  const text = labels.length ? `${labels.length} more ${labels.length > 1 ? 'slots' : 'slot'}: scroll${waiting.length ? `; WAITING: ${waiting.join(', ')}` : ''}` : '';
  if (element.textContent !== text) element.textContent = text;
}

// At most once a frame, however many deltas came.
function draw() {
  const what = changed;
  changed = new Set();
  if (!state) return;
  drawHead(state, what);
  if (what.has('slots') || what.has('job') || what.has('station')) {
    wall.draw(state);
    detail.draw(state);
  }
  drawUnseen();
  const nothing = byId('nothing');
  nothing.hidden = state.slots.length > 0;
  nothing.textContent = 'This fixture has no slots.';
}

function redraw(names) {
  if (!changed.size) requestAnimationFrame(draw);
  for (const name of names) changed.add(name);
}

function take(name, event) {
  if (name === 'snapshot') {
    version ??= event.version;
    if (version !== event.version) location.reload(); // the station was updated: this page is of the one before
    state = event;
    changed = new Set(ALL);
    draw(); // at once: the wall is called live when this returns
    hearFails();
  } else if (name === 'slot') {
    const at = state.slots.findIndex((slot) => slot.index === event.slot.index);
    if (at >= 0) state.slots[at] = event.slot;
    redraw(['slots']);
    hearFails();
  } else {
    state[name] = event[name];
    redraw([name]);
  }
}

function live() {
  document.body.classList.remove('stale');
  byId('stale').hidden = true;
  byId('live').textContent = 'LIVE';
  notLive = '';
  detail.setOld(false, state);
  drawNews();
}

function stale(since, why) {
  document.body.classList.add('stale');
  byId('stale').hidden = false;
  byId('live').textContent = 'NOT LIVE';
  notLive = since ? `since ${words.dateTime(since)}: ${why}.` : `${why}.`;
  byId('stale-text').textContent = since ? `${notLive} What is below is OLD: leave boards where they are and get help.` : notLive;
  detail.setOld(true, state);
  wall.setOld();
  drawNews();
}

async function acknowledge(label) {
  try {
    await slotAction(label, 'ack');
    hint(`slot ${label}: acknowledged`);
  } catch (error) {
    hint(`slot ${label}: ${error.message}`, 15);
  }
}

function acknowledgeKey() {
  const waiting = state.slots.filter(words.needsAck).map((slot) => slot.slot);
  const marked = wall.marked();
  if (waiting.includes(marked)) acknowledge(marked);
  else if (waiting.length === 1) acknowledge(waiting[0]);
  else if (waiting.length) {
    wall.mark(waiting[0]);
    hint(`${waiting.length} slots wait: A acknowledges slot ${waiting[0]}`);
  } else hint('nothing waits to be acknowledged');
}

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// True: the key was one of ours.
function command(key) {
  if (!state) return false;
  if (MOVES[key]) wall.move(state.slots, ...MOVES[key]);
  else if (key === 'a' || key === ' ') acknowledgeKey();
  else if (key === 'Enter' && wall.marked()) openDetail(wall.marked());
  else if (key === 'r') records.open();
  else if (key === 'l') byId('ledger-link').click();
  else if (key === 'm') sound.toggle();
  else if (key === '?') byId('help-dialog').showModal();
  else return false;
  return true;
}

function openDetail(label) {
  detail.open(label, state);
  drawNews();
}

const findSlot = (text) => state?.slots.find((slot) => slot.slot.toLowerCase() === text.trim().toLowerCase());

function entered(text) {
  const slot = findSlot(text);
  if (!slot) {
    scanned(text);
    return;
  }
  wall.mark(slot.slot);
  if (words.needsAck(slot)) acknowledge(slot.slot);
}

async function giveSerial(label, serial) {
  try {
    await slotAction(label, 'scan', { serial });
    hint(`slot ${label}: serial ${serial}`);
  } catch (error) {
    hint(`slot ${label}: ${error.message}`, 15);
  }
}

function scanned(text) {
  if (!state) return;
  const slot = findSlot(text);
  const serial = text.trim();
  const waiting = state.slots.filter((entry) => words.waitsForSerial(entry, state.job)).map((entry) => entry.slot);
  const target = waiting.includes(wall.marked()) ? wall.marked() : waiting.length === 1 ? waiting[0] : null;
  if (slot) wall.mark(slot.slot);
  else if (target) giveSerial(target, serial);
  else if (waiting.length) hint(`${waiting.length} slots wait for a serial: mark one first, by its number and Enter`, 15);
  else records.open(serial);
}

// A forgotten dialog must not cover the wall: after a minute without a key or click it closes.
let idleTimer = 0;
for (const sign of ['keydown', 'pointerdown']) {
  addEventListener(sign, () => {
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => document.querySelector('dialog[open]')?.close(), 60000);
  }, { capture: true });
}

function tick() {
  byId('clock').textContent = words.time(new Date());
}

listen({
  command,
  entered,
  scanned,
  typed: (text) => { byId('typed').textContent = text ? `${text} ⏎` : ''; },
});
byId('wall').addEventListener('click', (event) => {
  const label = event.target.closest('article')?.dataset.slot;
  if (label !== undefined && state) openDetail(label);
});
byId('wall').addEventListener('scroll', drawUnseen);
addEventListener('resize', drawUnseen);
byId('sound').addEventListener('click', () => { if (sound.state() !== 'locked') sound.toggle(); });
for (const dialog of document.querySelectorAll('dialog')) dialog.addEventListener('close', drawNews); // the next one is about something else
sessionStorage.removeItem('wall');
for (const id of ['ledger-link', 'records-ledger']) {
  byId(id).addEventListener('click', () => sessionStorage.setItem('wall', 'here')); // from there it comes back by itself
}
byId('find').addEventListener('click', () => records.open());
byId('help').addEventListener('click', () => byId('help-dialog').showModal());
tick();
hint(KEYS);
drawSound();
const stream = openStream({ take, live, stale });
setInterval(() => {
  tick();
  stream.check();
}, 1000);

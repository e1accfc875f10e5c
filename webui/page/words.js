// SPDX-License-Identifier: MIT
// What a slot says on the wall: the word, the line below it, the shape. Pure functions, no DOM.

// Shapes are told apart without colour: a tick, a cross, a bar, ... as paths in a 24 × 24 box.
const SHAPES = {
  LOAD: 'M11 3h2v10h4l-5 6-5-6h4zM4 20h16v2H4z',
  BUSY: 'M6 2h12v5l-4.5 5 4.5 5v5H6v-5l4.5-5L6 7z',
  PASS: 'M12 1a11 11 0 1 0 0 22 11 11 0 0 0 0-22zm-1.8 16.6-5-5 2.1-2.1 2.9 2.9 6.6-6.6 2.1 2.1z',
  FAIL: 'M7.4 1h9.2L23 7.4v9.2L16.600 23H7.4L1 16.600V7.4zM8.500 6.400 6.400 8.500 9.900 12l-3.500 3.500 2.100 2.100 3.500-3.500 3.500 3.500 2.100-2.100-3.500-3.500 3.500-3.500-2.100-2.100-3.500 3.500z',
  HOLD: 'M5 2h5v20H5zm9 0h5v20h-5z',
  REFUSED: 'M12 1a11 11 0 1 0 0 22 11 11 0 0 0 0-22zM5 10h14v4H5z',
  INTERRUPTED: 'M13.500 1 4 14h6l-1.500 9L20 9h-7z',
  UNVERIFIED: 'M12 1 24 22H0zm-1.200 7v7h2.400V8zm0 9v2.400h2.400V17z',
  SHUT: 'M4 4h16v16H4zm3 3v10h10V7z',
};

const STAGES = { claimed: 'check', writing: 'program', verifying: 'verify', committing: 'commit', recording: 'record', retrying: 'try again' };

// `said` is the tile's word: an empty slot that wants no board has not the arrow that asks for one.
export function shape(tile, said = tile) {
  return SHAPES[tile === 'LOAD' && said !== 'LOAD' ? 'SHUT' : tile] || SHAPES.HOLD;
}

export function percent(slot) {
  return Math.floor(Math.max(0, Math.min(1, slot.progress || 0)) * 100);
}

// The tile's word. Nobody is told to load a board that would not be started.
export function word(slot, job) {
  if (slot.tile !== 'LOAD') return slot.tile;
  if (!isOpen(job)) return isDone(job) ? 'JOB DONE' : 'NO JOB';
  return job.stopping ? 'STOPPING' : 'LOAD';
}

// The small line of a tile that works: [how fast, how long]; a narrow tile shows the second only.
export function pace(slot) {
  if (slot.tile !== 'BUSY') return [];
  const time = slot.eta_most ? left(slot.eta_s).replace(/^(.*) left$/, 'at most $1') : left(slot.eta_s);
  return [slot.state === 'awaiting' ? 'checks itself' : speed(slot.rate), time];
}

// It shows no disk while it reads itself back, and is in its slot all the same.
export function isGone(slot) {
  return slot.present === false && slot.tile !== 'LOAD' && slot.state !== 'awaiting';
}

// The job as the wall takes it: a station that stops starts no board, whatever its job says.
export function jobOf(state) {
  return state.job && state.station?.phase === 'stopping' ? { ...state.job, stopping: true } : state.job;
}

export function isDone(job) {
  return Boolean(job) && job.state === 'closed' && job.close_reason === 'complete';
}

export function isOpen(job) {
  return Boolean(job) && job.state !== 'closed';
}

const HOLDS = { 'serial-missing': 'SCAN SERIAL', 'serial-duplicate': 'SAME SERIAL TWICE', 'not-blank': 'NOT BLANK', 'signature-unapproved': 'THIS PRODUCT?', 'unit-quarantine': 'QUARANTINE', cancelled: 'STOPPED BY HAND' };

function holdOrder(slot, job) {
  if (slot.state === 'lost') return 'SLOT SHUT';
  if (slot.state === 'present') return isOpen(job) ? 'WAITS' : isDone(job) ? 'JOB DONE' : 'NO JOB';
  if (waitsForSerial(slot, job)) return 'SCAN SERIAL';
  if (slot.state === 'matched') return job && job.start === 'start' ? 'WAITS FOR START' : 'WAITS';
  return HOLDS[slot.code] || (/^RETURNED/.test(slot.reason || '') ? 'RETURNED' : 'WAITS FOR YOU');
}

function failOrder(slot) {
  if (slot.code === 'cancelled') return 'STOPPED BY HAND';
  return slot.blame && slot.blame !== 'device' ? 'NOT THE BOARD' : 'RED BIN';
}

function busyOrder(slot) {
  if (slot.state === 'awaiting') return 'LEAVE IT IN'; // nothing else says that the board is still needed where it is
  return `${STAGES[slot.state] || slot.stage || 'wait'} ${slot.progress > 0 ? percent(slot) + ' %' : '…'}`;
}

function loadOrder(slot, job) {
  if (slot.present) return 'board is in';
  if (!isOpen(job)) return '';
  if (job.stopping) return 'DO NOT LOAD';
  if (job.state === 'closing') return 'job is closing';
  return job.wanted && (job.made ?? job.pass) + job.inflight >= job.wanted ? 'quantity reached' : '';
}

// The line under the word: what the operator does next, in capitals where it is an order.
export function order(slot, job) {
  switch (slot.tile) {
    case 'PASS': return slot.present === false ? 'LOAD NEXT' : 'REMOVE';
    case 'FAIL': return failOrder(slot);
    case 'BUSY': return busyOrder(slot);
    case 'HOLD': return holdOrder(slot, job);
    case 'REFUSED': return 'NOT FOR THIS JOB';
    case 'INTERRUPTED': return 'LOAD AGAIN';
    case 'UNVERIFIED': return 'NOT READ BACK';
    case 'LOAD': return loadOrder(slot, job);
    default: return '';
  }
}

// The signature that a person is asked about on this slot, as [name, value] pairs; null: nobody is asked here.
export function proposal(slot, job) {
  const asked = isOpen(job) && job.board_signature;
  if (!asked || asked.state !== 'proposed' || asked.slot !== slot.slot || slot.code !== 'signature-unapproved') return null;
  const names = { manufacturer: 'manufacturer', product: 'product', usb_id: 'USB id', bcd_device: 'bcdDevice', serial: 'serials like', sizes: 'bytes', luns: 'LUNs' };
  const range = (size) => (Array.isArray(size) ? size.join(' to ') : size);
  const shown = (value) => (Array.isArray(value) ? value.map(range).join(' or ') : value === '' ? '(none)' : String(value));
  return Object.keys(names).filter((key) => key in asked.signature).map((key) => [names[key], shown(asked.signature[key])]);
}

export function needsAck(slot) {
  return slot.acknowledged === false && ['fail', 'interrupted', 'refused', 'hold'].includes(slot.state);
}

export function waitsForSerial(slot, job) {
  if (slot.present === false || !isOpen(job)) return false;
  return slot.code === 'serial-missing' || (job.start === 'scan' && slot.state === 'matched');
}

export function speed(bytes) {
  if (!bytes) return '';
  const mb = bytes / 1e6;
  return `${mb >= 100 ? mb.toFixed(0) : mb.toFixed(1)} MB/s`;
}

export function left(seconds) {
  if (seconds === null || seconds === undefined) return '';
  const s = Math.ceil(seconds);
  if (s >= 3600) return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)} left`;
  return `${Math.floor(s / 60)}:${two(s % 60)} left`;
}

export function size(bytes) {
  if (!bytes) return '0 MB';
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function short(digest) {
  return digest ? digest.slice(0, 8) : '';
}

const ZONE = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' });

// The clock on the wall beside the line, with its zone: the ledger's times are UTC.
export function time(date) {
  const zone = ZONE.formatToParts(date).find((part) => part.type === 'timeZoneName').value;
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

// A page is left open over a weekend: then the time alone does not tell how old it is.
export function dateTime(date) {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time(date)}`;
}

// "2026-11-21T06:31:12.123456Z" as people write it.
export function utc(text) {
  return text ? `${text.replace('T', ' ').replace(/(\.\d+)?Z$/, '')} UTC` : '';
}

// A serial's end tells two boards apart: where there is no room it is the middle that goes.
export function serialParts(serial) {
  return serial.length > 16 ? [serial.slice(0, -8), serial.slice(-8)] : [serial, ''];
}

// What a screen reader hears of a tile.
export function spoken(slot, job) {
  const parts = [`slot ${slot.slot}: ${word(slot, job)} ${order(slot, job)}`];
  if (slot.serial) parts.push(`serial ${slot.serial}`);
  if (slot.reason) parts.push(slot.reason);
  if (slot.next) parts.push(slot.next);
  if (needsAck(slot)) parts.push('to be acknowledged');
  return parts.join(', ');
}

function two(n) {
  return String(n).padStart(2, '0');
}

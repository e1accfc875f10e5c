// SPDX-License-Identifier: MIT
// The wall: one tile a slot, in the fixture's layout. Everything from outside goes in as text, never as markup.
import * as words from './words.js';

const SVG = 'http://www.w3.org/2000/svg';

function add(parent, tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  parent.append(element);
  return element;
}

// Writing what is there already would make screen readers speak and browsers lay out again.
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A line whose first half gives way where the tile is narrow.
function addLine(tile, name) {
  const line = add(tile, 'div', name);
  return { more: add(line, 'span', 'more'), least: add(line, 'span', 'least') };
}

function putLine(line, more, least) {
  put(line.more, more);
  put(line.least, least);
}

function makeTile(slot) {
  const tile = document.createElement('article');
  tile.tabIndex = -1;
  tile.dataset.slot = slot.slot;
  const top = add(tile, 'div', 'top');
  const number = add(top, 'span', 'slot');
  number.textContent = slot.slot;
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'shape');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('fill-rule', 'evenodd');
  svg.append(path);
  top.append(svg);
  const parts = { number, path };
  for (const name of ['word', 'order']) parts[name] = add(tile, 'div', name);
  const serial = add(tile, 'div', 'serial');
  parts.serial = [add(serial, 'span', 'begin'), add(serial, 'span', 'end')];
  parts.reason = add(tile, 'div', 'reason');
  parts.bar = add(add(tile, 'div', 'bar'), 'div', 'done');
  parts.rate = addLine(tile, 'rate');
  parts.ack = addLine(tile, 'ack');
  return { tile, parts };
}

function drawTile({ tile, parts }, slot, job) {
  const word = words.word(slot, job);
  const order = words.order(slot, job);
  tile.dataset.tile = slot.tile;
  tile.dataset.state = slot.state;
  tile.classList.toggle('gone', words.isGone(slot));
  tile.classList.toggle('waits', words.needsAck(slot));
  tile.style.setProperty('--number-length', Math.max(1, slot.slot.length));
  tile.style.setProperty('--word-length', Math.max(4, word.length));
  tile.style.setProperty('--order-length', Math.max(7, order.length));
  tile.style.setProperty('--done', slot.tile === 'BUSY' ? Math.max(0, Math.min(1, slot.progress || 0)) : 0);
  tile.setAttribute('aria-label', words.spoken(slot, job));
  const shape = words.shape(slot.tile, word);
  if (parts.path.getAttribute('d') !== shape) parts.path.setAttribute('d', shape);
  put(parts.number, slot.slot);
  put(parts.word, word);
  put(parts.order, order);
  words.serialParts(slot.serial || '').forEach((text, i) => put(parts.serial[i], text));
  put(parts.reason, [slot.reason || (['FAIL', 'REFUSED', 'HOLD'].includes(slot.tile) ? slot.code : ''), slot.next].filter(Boolean).join(' → '));
  const [speed, time] = words.pace(slot);
  putLine(parts.rate, [speed, time ? ' · ' : ''].join(''), time || '');
  const ack = words.needsAck(slot) ? `${slot.slot} Enter` : '';
  tile.style.setProperty('--ack-length', Math.max(15, 'acknowledge: '.length + ack.length));
  putLine(parts.ack, ack && 'acknowledge: ', ack);
}

// How many lines of its reason a tile has room for: the last of them ends in … when there is more to say.
function countLines(entries) {
  for (const { target } of entries) {
    const lines = Math.round(target.clientHeight / parseFloat(getComputedStyle(target).lineHeight));
    target.style.setProperty('--lines', Math.max(1, lines));
  }
}

export function makeWall(element) {
  const sizes = new ResizeObserver(countLines);
  const tiles = new Map(); // slot label -> tile
  let order = [];          // labels, as drawn
  let marked = null;
  let columns = 1;

  function rebuild(slots) {
    tiles.clear();
    sizes.disconnect();
    element.replaceChildren();
    order = slots.map((slot) => slot.slot);
    for (const slot of slots) {
      const made = makeTile(slot);
      made.tile.style.setProperty('--row', slot.row + 1);
      made.tile.style.setProperty('--column', slot.column + 1);
      tiles.set(slot.slot, made);
      element.append(made.tile);
      sizes.observe(made.parts.reason);
    }
    mark(order.includes(marked) ? marked : order[0] ?? null, false);
  }

  function mark(label, focus = true) {
    for (const [name, { tile }] of tiles) {
      tile.tabIndex = name === label ? 0 : -1;
      if (name === label && focus) tile.focus();
    }
    marked = label;
  }

  element.addEventListener('focusin', (event) => {
    const label = event.target.closest('article')?.dataset.slot;
    if (label !== undefined && label !== marked) mark(label, false);
  });

  return {
    mark,
    // What is read aloud is as old as what is seen; the next draw() makes it new.
    setOld() {
      for (const { tile } of tiles.values()) tile.setAttribute('aria-label', `NOT LIVE, was: ${tile.getAttribute('aria-label').replace(/^NOT LIVE, was: /, '')}`);
    },
    marked: () => (document.activeElement?.closest('#wall article') ? marked : null),
    // By keys: dx, dy in the layout's cells; the nearest slot in that direction.
    move(slots, dx, dy) {
      const from = slots.find((slot) => slot.slot === marked);
      if (!from) return;
      const ahead = slots
        .map((slot) => ({ slot, x: slot.column - from.column, y: slot.row - from.row }))
        .filter(({ x, y }) => x * dx + y * dy > 0)
        .map((entry) => ({ ...entry, far: Math.abs(entry.x) * (dx ? 1 : 8) + Math.abs(entry.y) * (dy ? 1 : 8) }))
        .sort((a, b) => a.far - b.far);
      if (ahead.length) mark(ahead[0].slot.slot);
    },
    // Labels of the tiles that do not fit and are scrolled away.
    unseen() {
      const frame = element.getBoundingClientRect();
      return order.filter((label) => {
        const box = tiles.get(label).tile.getBoundingClientRect();
        const middle = (box.top + box.bottom) / 2;
        return middle < frame.top || middle > frame.bottom;
      });
    },
    draw(state) {
      const slots = [...state.slots].sort((a, b) => a.row - b.row || a.column - b.column);
      columns = Math.max(1, state.fixture?.columns || 1);
      if (slots.length !== order.length || slots.some((slot, i) => slot.slot !== order[i])) rebuild(slots);
      element.style.setProperty('--columns', columns);
      element.style.setProperty('--rows', Math.max(1, state.fixture?.rows || 1));
      const job = words.jobOf(state);
      for (const slot of slots) drawTile(tiles.get(slot.slot), slot, job);
    },
  };
}

// SPDX-License-Identifier: MIT
// Charts as inline SVG. Each tells its title and a summary to screen readers, and every value as text.
import { svg, el, percent } from './el.js';

const WIDE = 620;
let made = 0;

// In units of a pixel; a `wide` one is never drawn smaller, but scrolled.
function drawing(width, height, wide, title, summary, ...children) {
  const id = `chart-${++made}`;
  return svg('svg', { viewBox: `${wide ? -10 : 0} 0 ${width + (wide ? 20 : 0)} ${height}`, width: width + 20, role: 'img', 'aria-labelledby': `${id}-title ${id}-desc` },
    svg('title', { id: `${id}-title` }, title), svg('desc', { id: `${id}-desc` }, summary), children);
}

const figure = (name, title, ...children) => el('figure', { class: name, tabindex: '0' }, el('figcaption', null, title), children);

const text = (x, y, content, name = '', anchor = 'start') => svg('text', { x, y, class: name, 'text-anchor': anchor }, String(content));

const EACH = 12; // entries of a drawing; on paper three stand side by side, and those of 64 slots on one sheet

// One line an entry: label, bars, value. entries: [{label, note, bars: [{value, name, text}]}]
export function bars(title, entries, unit = '', longest = 215) {
  const most = Math.max(1e-9, ...entries.flatMap((entry) => entry.bars.map((bar) => bar.value || 0)));
  const named = title + (unit ? ` (${unit})` : '');
  const drawings = [];
  for (let at = 0; at < entries.length; at += EACH) {
    const some = entries.slice(at, at + EACH);
    drawings.push(barsOf(entries.length > EACH ? `${named}, ${some[0].label} to ${some.at(-1).label}` : named, some, most, longest));
  }
  return figure('chart', named, drawings);
}

function barsOf(title, entries, most, longest) {
  const thick = 15;
  const high = (entry) => 24 + entry.bars.length * (thick + 3);
  const total = entries.reduce((sum, entry) => sum + high(entry), 4);
  let y = 0;
  const parts = entries.map((entry) => {
    const top = y;
    y += high(entry);
    return svg('g', null, text(2, top + 16, entry.label, 'label'), entry.note ? text(358, top + 16, entry.note, 'quiet', 'end') : null,
      entry.bars.map((bar, i) => {
        const at = top + 21 + i * (thick + 3);
        const long = Math.max(1, ((bar.value || 0) / most) * longest);
        return [svg('rect', { x: 2, y: at, width: long, height: thick, class: bar.name }), text(long + 8, at + 12, bar.text, 'value')];
      }));
  });
  const summary = entries.map((entry) => `${entry.label}: ${entry.bars.map((bar) => bar.text).join(', ')}`).join('; ');
  return drawing(360, total, false, title, summary, parts);
}

const label = (at) => (at.length > 10 ? `${at.slice(11, 13)}:00` : at.slice(5));

// Verdicts over time as columns, passes below failures; with times[].first_units the first-pass yield as a line above.
export function overTime(title, times) {
  const low = 190, high = 40;
  const step = Math.min(90, WIDE / times.length);
  const most = Math.max(1, ...times.map((at) => at.pass + at.fail + at.fail_other));
  const tall = (count) => (count / most) * (low - high);
  const some = Math.ceil(times.length / 12);
  const hatch = `chart-${made + 1}-hatch`; // fail is told from pass without its colour
  const columns = times.map((at, i) => {
    const x = i * step + step * 0.12, width = Math.max(1, step * 0.76);
    const pass = tall(at.pass), fail = tall(at.fail), other = tall(at.fail_other);
    const said = `${at.at.replace('T', ' ')}: ${at.pass} pass, ${at.fail} fail${at.fail_other ? `, ${at.fail_other} not the board's` : ''}`;
    return svg('g', null, svg('title', null, said),
      svg('rect', { x, width, y: low - pass, height: pass, class: 'pass' }),
      svg('rect', { x, width, y: low - pass - fail, height: fail, class: 'fail' }), svg('rect', { x, width, y: low - pass - fail, height: fail, fill: `url(#${hatch})` }),
      svg('rect', { x, width, y: low - pass - fail - other, height: other, class: 'other' }),
      times.length <= 16 ? text(x + width / 2, low - pass - fail - other - 4, at.fail + at.fail_other ? `${at.pass} ✓ ${at.fail + at.fail_other} ✕` : `${at.pass} ✓`, 'value', 'middle') : null,
      i % some === 0 ? text(x + width / 2, low + 18, label(at.at), 'quiet', 'middle') : null);
  });
  const known = times.map((at, i) => [i * step + step / 2, at.first_units ? at.first_pass / at.first_units : null]).filter(([, share]) => share !== null);
  const least = Math.min(0.9, Math.floor(Math.min(1, ...known.map(([, share]) => share)) * 10) / 10);
  const height = (share) => 8 + ((1 - share) / (1 - least)) * (known.length > 1 ? 70 : 0);
  const line = known.length > 1 ? svg('polyline', { class: 'yield', points: known.map(([x, share]) => `${x.toFixed(1)},${(low + 40 + height(share)).toFixed(1)}`).join(' ') }) : null;
  const dots = known.map(([x, share]) => svg('g', null, svg('circle', { class: 'yield-dot', cx: x, cy: low + 40 + height(share), r: 5 }), svg('title', null, percent(share)),
    known.length <= 16 ? text(x, low + 40 + height(share) + 20, percent(share), 'value', 'middle') : null));
  const summary = times.map((at) => `${at.at}: ${at.pass} pass, ${at.fail} fail${at.first_units ? `, first-pass yield ${percent(at.first_pass / at.first_units)}` : ''}`).join('; ');
  const wide = Math.max(360, step * times.length);
  const all = low + (known.length > 1 ? 145 : known.length ? 75 : 28);
  return figure('chart wide', title, some > 1 ? el('p', { class: 'quiet' }, 'fail is hatched, on top of pass') : null, drawing(wide, all, true, title, summary,
    svg('defs', null, svg('pattern', { id: hatch, width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' }, svg('rect', { width: 2.5, height: 6, class: 'hatch' }))),
    svg('line', { x1: 0, x2: wide, y1: low, y2: low, class: 'axis' }), columns,
    known.length ? [text(2, low + 38, known.length > 1 ? `first-pass yield, ${percent(least)} to 100 %` : 'first-pass yield', 'quiet'), line, dots] : null));
}

// "slot 3", "slots 3, 4"; of many only how many: the report has them.
function where(slots) {
  const labels = String(slots ?? '').split(/[ ,]+/).filter(Boolean);
  if (labels.length === 1) return `slot ${labels[0]}`;
  return labels.join(', ').length > 12 ? `${labels.length} slots` : `slots ${labels.join(', ')}`;
}

// Failures by code with their share of all and the running sum: which two codes are most of it.
export function pareto(title, rows) {
  let sum = 0;
  return bars(title, rows.map((row) => {
    sum += row.share;
    return { label: row.code, note: `blames the ${row.blame}, ${where(row.slots)}`, bars: [{ value: row.failures, name: row.blame === 'device' ? 'fail' : 'other', text: `${row.failures} = ${percent(row.share)}${rows.length > 1 ? `, Σ ${percent(sum > 0.9999 ? 1 : sum)}` : ''}` }] };
  }), '', 180);
}

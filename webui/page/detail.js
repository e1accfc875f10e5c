// SPDX-License-Identifier: MIT
// All about one slot, and what may be done with it.
import * as words from './words.js';
import { jobAction, slotAction } from './actions.js';

const byId = (id) => document.getElementById(id);

// A FAIL is acknowledged first; what was refused has nothing to be programmed again.
function releasable(slot) {
  if (slot.present === false || slot.code === 'signature-unapproved') return false;
  return ['hold', 'pass', 'unverified', 'interrupted'].includes(slot.state) || (slot.state === 'fail' && slot.acknowledged);
}

const ACTIONS = ['slot-approve', 'slot-reject', 'slot-ack', 'slot-release', 'slot-reason-box', 'slot-cancel'];

export function makeDetail({ showRecords }) {
  const dialog = byId('slot-dialog');
  let label = null;
  let slot = null;
  let old = false; // the connection is lost: what is shown may have changed long ago
  let asked = null; // the signature that is shown: what is approved is what was seen

  function fact(name, value) {
    if (value === null || value === undefined || value === '') return;
    const term = document.createElement('dt');
    const text = document.createElement('dd');
    term.textContent = name;
    text.textContent = value;
    byId('slot-facts').append(term, text);
  }

  function draw(state) {
    slot = state.slots.find((entry) => entry.slot === label) || null;
    if (!slot) {
      dialog.close();
      return;
    }
    const word = words.word(slot, state.job);
    byId('slot-title').textContent = `slot ${slot.slot}: ${old ? `was ${word}` : `${word} ${words.order(slot, state.job)}`}`;
    byId('slot-line').textContent = slot.text || [slot.reason, slot.next].filter(Boolean).join(' → ');
    byId('slot-facts').replaceChildren();
    fact('serial', slot.serial && slot.serial_source ? `${slot.serial} (${slot.serial_source})` : slot.serial);
    fact('board', slot.state === 'awaiting' ? 'reads itself back' : slot.present === false ? 'taken out' : slot.node);
    fact('size', slot.size ? words.size(slot.size) : '');
    fact('code', slot.code && slot.blame ? `${slot.code}, blamed on the ${slot.blame}` : slot.code);
    fact('attempt', slot.attempt);
    fact('image', slot.image);
    fact('done', slot.total ? `${words.size(slot.done)} of ${words.size(slot.total)}` : '');
    fact('verified by', slot.verify_method);
    fact('plan', slot.plan_sha256);
    fact('read back', slot.readback_sha256);
    fact('finished', words.utc(slot.finished));
    const proposal = words.proposal(slot, state.job);
    asked = proposal && state.job.board_signature.signature;
    for (const [name, value] of proposal || []) fact(name, value);
    byId('slot-approve').hidden = byId('slot-reject').hidden = !proposal;
    byId('slot-ack').hidden = !words.needsAck(slot);
    byId('slot-release').hidden = byId('slot-reason-box').hidden = !releasable(slot);
    byId('slot-cancel').hidden = slot.tile !== 'BUSY' && slot.state !== 'matched';
    byId('slot-records').hidden = !slot.serial;
    if (old) for (const id of ACTIONS) byId(id).hidden = true;
  }

  async function act(action, body) {
    await say(() => slotAction(label, action, body));
  }

  async function say(request) {
    const answer = byId('slot-answer');
    answer.textContent = '…';
    try {
      await request();
      dialog.close();
    } catch (error) {
      answer.textContent = error.message;
    }
  }

  byId('slot-ack').addEventListener('click', () => act('ack'));
  byId('slot-approve').addEventListener('click', () => say(() => jobAction('signature/approve', { signature: asked })));
  byId('slot-reject').addEventListener('click', () => say(() => jobAction('signature/reject', { signature: asked })));
  byId('slot-cancel').addEventListener('click', () => act('cancel'));
  byId('slot-records').addEventListener('click', () => {
    const serial = slot.serial;
    dialog.close();
    showRecords(serial);
  });
  byId('slot-release').addEventListener('click', () => {
    const reason = byId('slot-reason');
    reason.setCustomValidity(reason.value.trim() ? '' : 'say why: it is recorded');
    if (reason.reportValidity()) act('release', { reason: reason.value.trim() });
  });
  byId('slot-reason').addEventListener('input', (event) => event.target.setCustomValidity(''));

  return {
    open(which, state) {
      label = which;
      byId('slot-reason').value = '';
      byId('slot-answer').textContent = '';
      draw(state);
      if (slot && !dialog.open) dialog.showModal();
    },
    draw(state) {
      if (dialog.open) draw(state);
    },
    // The slot that is shown, or null.
    shown: () => (dialog.open ? label : null),
    // Nothing can be done with what is old, and it is not to be taken for what is.
    setOld(value, state) {
      old = value;
      if (dialog.open && state) draw(state);
    },
  };
}

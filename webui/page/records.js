// SPDX-License-Identifier: MIT
// The records of a serial number, newest first.
import * as words from './words.js';
import { records } from './actions.js';

const byId = (id) => document.getElementById(id);
const LIMIT = 50;

function row(record) {
  const line = document.createElement('tr');
  line.dataset.result = record.result || '';
  const cells = [record.attempt, record.serial || record.unit, record.slot, record.result || 'open',
    [record.code, record.text].filter(Boolean).join(': '), record.verify_method, record.image,
    words.short(record.plan_sha256), (record.closed || '').replace(/\.\d+Z$/, 'Z').replace('T', ' ')];
  for (const text of cells) line.insertCell().textContent = text ?? '';
  return line;
}

export function makeRecords() {
  const dialog = byId('records-dialog');
  let query = {};

  async function load(before) {
    const answer = byId('records-answer');
    answer.textContent = '…';
    try {
      const found = await records({ ...query, limit: LIMIT, ...(before ? { before } : {}) });
      byId('records-rows').append(...found.records.map(row));
      const count = byId('records-rows').rows.length;
      answer.textContent = count ? `${count} attempt${count === 1 ? '' : 's'}${found.next ? ', more to come' : ''}`
        : query.serial ? `no attempt with serial ${query.serial}` : 'no attempt yet';
      byId('records-more').hidden = !found.next;
      byId('records-more').onclick = () => load(found.next);
    } catch (error) {
      answer.textContent = error.message;
    }
  }

  function find(serial) {
    query = serial ? { serial } : {};
    byId('records-ledger').href = serial ? `/ledger/search?${new URLSearchParams({ q: serial })}` : '/ledger';
    byId('records-rows').replaceChildren();
    byId('records-more').hidden = true;
    return load(null);
  }

  byId('records-form').addEventListener('submit', (event) => {
    event.preventDefault();
    find(byId('records-serial').value.trim());
  });
  byId('records-close').addEventListener('click', () => dialog.close());

  return {
    open(serial = '') {
      byId('records-serial').value = serial;
      if (!dialog.open) dialog.showModal();
      byId('records-serial').focus();
      return find(serial);
    },
  };
}

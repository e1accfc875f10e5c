// SPDX-License-Identifier: MIT
// The keyboard, with a person and a scanner typing on it.

// A scanner types a code in a burst and ends it with Enter; no person is as fast. What comes in a burst is never a
// command: a serial with an A in it must not acknowledge a FAIL.
const BURST_MS = 50;
const SETTLE_MS = 120;

export function listen({ command, typed, entered, scanned }) {
  let buffer = '';
  let fast = true; // all keys since the buffer was empty came in a burst
  let last = 0;
  let timer = 0;

  function clear() {
    buffer = '';
    fast = true;
    clearTimeout(timer);
    typed('');
  }

  function settle() {
    // A single letter, and nothing after it: a command. Anything else waits for its Enter, or for ten seconds.
    if (buffer.length === 1 && command(buffer.toLowerCase())) clear();
    else timer = setTimeout(clear, 10000);
  }

  addEventListener('keydown', (event) => {
    const inDialog = event.target.closest?.('dialog, input');
    const onButton = ['BUTTON', 'SUMMARY'].includes(event.target.tagName) && !buffer && (event.key === ' ' || event.key === 'Enter');
    if (inDialog || onButton || event.ctrlKey || event.altKey || event.metaKey) return;
    const now = event.timeStamp;
    const gap = now - last;
    last = now;
    clearTimeout(timer);
    if (event.key === 'Enter' && buffer) {
      event.preventDefault();
      const text = buffer;
      const burst = fast && gap < BURST_MS;
      clear();
      if (burst) scanned(text);
      else entered(text);
    } else if (event.key === 'Escape') {
      clear();
    } else if (event.key.length === 1) {
      event.preventDefault();
      if (buffer && gap >= BURST_MS) fast = false;
      buffer += event.key;
      typed(buffer);
      timer = setTimeout(settle, SETTLE_MS);
    } else if (command(event.key)) {
      event.preventDefault();
    }
  });
}

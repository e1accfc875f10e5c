// SPDX-License-Identifier: MIT
// The event stream, and whether what it told is still true.

const SILENCE_MS = 15000; // heartbeats come every 5 s while the station lives
const RETRY_MS = 3000;    // EventSource gives up for good on an HTTP error: then it is opened anew
const SILENT = 'the station has gone silent';
const NAMES = ['snapshot', 'slot', 'station', 'job', 'import', 'counts', 'ledger', 'alerts', 'heartbeat'];

// take(name, data) gets every event; live() and stale(since, why) the changes, stale once more whenever `why` changes.
export function openStream({ take, live, stale }) {
  let source = null;
  let isLive = false;
  let lastHeard = null; // Date of the last event of a live stream
  let watchdog = 0;
  let paused = false;

  function lose(why) {
    clearTimeout(watchdog);
    isLive = false;
    stale(lastHeard, why);
  }

  function retry() {
    source.close();
    setTimeout(open, RETRY_MS);
  }

  function hear(name, text) {
    // Nothing but a whole snapshot makes a broken stream live again: deltas may have been missed.
    if (!isLive && name !== 'snapshot') return;
    lastHeard = new Date();
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      lose(SILENT);
      retry();
    }, SILENCE_MS);
    if (name !== 'heartbeat') take(name, JSON.parse(text));
    if (!isLive) {
      isLive = true;
      live();
    }
  }

  function open() {
    if (paused) return;
    source?.close(); // of a retry and a tab shown again, one is left
    source = new EventSource('/api/v1/events');
    const mine = source;
    for (const name of NAMES) {
      mine.addEventListener(name, (event) => { if (mine === source) hear(name, event.data); });
    }
    mine.addEventListener('error', () => {
      if (mine !== source || paused) return;
      lose('no connection to the station');
      if (mine.readyState === EventSource.CLOSED) retry();
    });
  }

  // A machine that slept, or a page that the browser kept behind its back button: its timers stood still meanwhile, and
  // what it shows is what was true then. Only the clock on the wall tells.
  function check(event) {
    if (!isLive || paused || !(event?.persisted || Date.now() - lastHeard > SILENCE_MS)) return;
    lose(event?.persisted ? 'this page was asleep' : SILENT);
    open();
  }

  addEventListener('pageshow', check);
  open();
  return {
    check,
    // A page that nobody sees leaves its place, of 32, to another.
    pause(now) {
      if (now === paused) return;
      paused = now;
      isLive = false;
      clearTimeout(watchdog);
      if (paused) source.close();
      else open();
    },
  };
}

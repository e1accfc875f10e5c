// SPDX-License-Identifier: MIT
// The FAIL sound: three falling tones, again every ten seconds until the last FAIL is acknowledged.

const AGAIN_MS = 10000;

export function makeSound(changed) {
  let context = null;
  let wanted = true;
  let alarm = false;
  let timer = 0;
  let unlocking = false; // by the latest key or click

  const isOn = () => wanted && context !== null && context.state === 'running';

  function tone(from, frequency, seconds) {
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    oscillator.type = 'square';
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0.0001, from);
    gain.gain.exponentialRampToValueAtTime(0.25, from + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, from + seconds);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(from);
    oscillator.stop(from + seconds);
  }

  function play() {
    clearTimeout(timer);
    if (!alarm) return;
    timer = setTimeout(play, AGAIN_MS);
    if (!isOn()) return;
    const now = context.currentTime;
    [880, 622, 440].forEach((frequency, i) => tone(now + i * 0.28, frequency, 0.26));
  }

  // Browsers let a page make sound only after its first key or click.
  async function unlock() {
    context ??= new AudioContext();
    if (context.state !== 'running') await context.resume();
    changed();
    if (alarm) play();
  }

  for (const gesture of ['keydown', 'pointerdown']) {
    addEventListener(gesture, () => {
      unlocking = !context || context.state !== 'running';
      if (unlocking) unlock().catch(() => changed());
    }, { capture: true });
  }

  return {
    state: () => (isOn() ? 'on' : wanted ? 'locked' : 'off'),
    toggle() {
      // The very key or click that unlocks the sound does not switch it off again.
      if (wanted && (!isOn() || unlocking)) return;
      wanted = !wanted;
      changed();
      play();
    },
    // Whether there is an unacknowledged FAIL, and whether one has just come.
    fail(any, isNew) {
      const was = alarm;
      alarm = any;
      if (any && (isNew || !was)) play();
      if (!any) clearTimeout(timer);
    },
  };
}

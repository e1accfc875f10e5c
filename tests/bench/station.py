"""The whole station on its virtual fixture: boards that share a link, watched through the control socket."""
import contextlib
import json
import pathlib
import shutil
import socket
import statistics
import threading
import time

BUSY = ('writing', 'verifying', 'committing')


class Watcher(threading.Thread):
    """Subscribes to a station's events and keeps (time, slot, state, estimate) of each slot."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = pathlib.Path(path)
        self.seen = []      # (time, slot label, state, eta_s)
        self.ended = threading.Event()

    def connect(self):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        while not self.ended.wait(0.02):
            with contextlib.suppress(OSError):
                link.connect(str(self.path))
                return link
        return None

    def note(self, slot):
        self.seen.append((time.monotonic(), slot['slot'], slot['state'], slot['eta_s']))

    def run(self):
        link = self.connect()
        if link is None:
            return
        with link, contextlib.suppress(OSError), link.makefile('rw') as stream:
            stream.write('{"id":1,"cmd":"subscribe"}\n')
            stream.flush()
            for line in stream:
                event = json.loads(line)
                for slot in event.get('slots', []) if event.get('event') == 'snapshot' else []:
                    self.note(slot)
                if event.get('event') == 'slot':
                    self.note(event['slot'])

    def spans(self):
        """slot -> (first byte's time, verdict's time) of those that passed."""
        begun, passed = {}, {}
        for when, slot, state, _ in self.seen:
            if state in BUSY:
                begun.setdefault(slot, when)
            elif state == 'pass' and slot in begun:
                passed.setdefault(slot, when)
        return {slot: (begun[slot], when) for slot, when in passed.items()}

    def estimate_errors(self):
        """How far the shown time left was from what came, as a part of the slot's whole time. The first tenth is left
        out: nothing is known yet. Half a second is the rounding to whole seconds."""
        spans, errors = self.spans(), []
        for when, slot, _, eta in self.seen:
            if eta is None or slot not in spans:
                continue
            begun, ended = spans[slot]
            if when - begun < 0.1 * (ended - begun) or when >= ended:
                continue
            errors.append(max(0, abs(when + eta - ended) - 0.5) / (ended - begun))
        return errors


def demo(bench, boards, rate, link_rate, image, form='xz', seconds=None):
    """One batch on a virtual fixture; the run and its watcher."""
    state = bench.ram.folder / 'station'
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    copy = bench.ram.folder / f'{image.name}.wic.{form}'
    shutil.copy(image.form(form), copy)
    shutil.copy(image.bmap, f'{copy}.bmap')
    watcher = Watcher(state / 'control.sock')
    watcher.start()
    words = [bench.gangway, 'demo', '--once', '--boards', boards, '--rate', int(rate), '--link-rate', int(link_rate),
             '--image', copy, '--state', state, '--listen', '127.0.0.1:0']
    try:
        result = bench.run([words], ignore=str(state))
    finally:
        watcher.ended.set()
    watcher.join(5)
    shutil.rmtree(state, ignore_errors=True)
    return result, watcher


def cycle(watcher):
    """Seconds from the first byte to the last verdict."""
    spans = watcher.spans().values()
    return max(end for _, end in spans) - min(start for start, _ in spans)


def unfairness(watcher):
    """How far the boards' times lie apart, as a part of their mean."""
    times = [end - start for start, end in watcher.spans().values()]
    return (max(times) - min(times)) / statistics.mean(times)

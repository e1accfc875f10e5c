"""The whole station on its virtual fixture: boards that share a link, watched through the control socket."""
import contextlib
import json
import pathlib
import selectors
import shutil
import socket
import statistics
import threading
import time

import measure


class Unseen(Exception):
    """What was to be measured did not show itself whole: there is no figure."""


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


def demo(bench, boards, rate, link_rate, image, form='xz', listen='127.0.0.1:0', beside=None, more=()):
    """One batch on a virtual fixture; the run and its watcher. beside(children, watcher) runs in a thread beside it."""
    state = bench.ram.folder / 'station'
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    copy = bench.ram.folder / f'{image.name}.wic.{form}'
    shutil.copy(image.form(form), copy)
    shutil.copy(image.bmap, f'{copy}.bmap')
    watcher = Watcher(state / 'control.sock')
    watcher.start()

    def on_start(children):
        if beside:
            threading.Thread(target=beside, args=(children, watcher), daemon=True).start()
    words = [bench.gangway, 'demo', '--once', '--boards', boards, '--rate', int(rate), '--link-rate', int(link_rate),
             '--image', copy, '--state', state, '--listen', listen, *more]
    try:
        result = bench.run([words], ignore=str(state), on_start=on_start)
    finally:
        watcher.ended.set()
    watcher.join(5)
    shutil.rmtree(state, ignore_errors=True)
    return result, watcher


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Pages(threading.Thread):
    """Pages that are open: each reads the station's events and throws them away."""

    def __init__(self, port, count):
        super().__init__(daemon=True)
        self.ended, self.heard = threading.Event(), {}  # bytes since it answered, of each that is still open
        self.links = selectors.DefaultSelector()
        for _ in range(count):
            link = socket.create_connection(('127.0.0.1', port), 5)
            link.sendall(f'GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n'.encode())
            if link.recv(12) == b'HTTP/1.1 200':
                self.heard[link] = 0
                self.links.register(link, selectors.EVENT_READ)

    def run(self):
        while not self.ended.is_set():
            for key, _ in self.links.select(0.2):
                data = key.fileobj.recv(1 << 16)
                self.heard[key.fileobj] += len(data)
                if not data:
                    self.links.unregister(key.fileobj)
                    del self.heard[key.fileobj]

    @property
    def served(self):
        return sum(heard > 0 for heard in self.heard.values())


def cpu_of_roles(pid):
    """role -> CPU seconds so far, of a process and its descendants."""
    roles = {}
    for child in measure.descendants([pid]):
        with contextlib.suppress(OSError):
            words = pathlib.Path(f'/proc/{child}/cmdline').read_bytes().split(b'\0')
            threads = pathlib.Path(f'/proc/{child}/task').glob('*/schedstat')  # a process' own file is its first thread's
            spent = sum(int(thread.read_text().split()[0]) for thread in threads)
            role = words[1].decode() if len(words) > 1 else '?'
            roles[role] = roles.get(role, 0) + spent / 1e9
    return roles


def cost(bench, boards, pages, rate, seconds, image):
    """The share of one core that each role takes while all boards are being programmed and pages are open."""
    port, shares = free_port(), {}

    def beside(children, watcher):
        pause = threading.Event()
        while len({slot for _, slot, state, _ in watcher.seen if state == 'writing'}) < boards:
            if pause.wait(0.1) or children[0].returncode is not None:
                return
        clients = Pages(port, pages)
        clients.start()
        before, since = cpu_of_roles(children[0].pid), time.monotonic()
        pause.wait(seconds)
        spent = time.monotonic() - since
        for role, after in cpu_of_roles(children[0].pid).items():
            shares[role] = (after - before.get(role, 0)) / spent
        clients.ended.set()
        clients.join()
        shares['pages'] = clients.served
    result, _ = demo(bench, boards, rate, 0, image, listen=f'127.0.0.1:{port}', beside=beside)
    return result, shares


def cycle(watcher, boards):
    """Seconds from the first byte to the last verdict."""
    spans = watcher.spans().values()
    if len(spans) != boards:
        raise Unseen(f'{len(spans)} of {boards} boards were seen from their first byte to their verdict')
    return max(end for _, end in spans) - min(start for start, _ in spans)


def unfairness(watcher):
    """How far the boards' times lie apart, as a part of their mean."""
    times = [end - start for start, end in watcher.spans().values()]
    return (max(times) - min(times)) / statistics.mean(times)

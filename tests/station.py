"""A station under test: starts `gangway station` on a folder, drives it through its control socket, waits for events."""
import array, json, os, pathlib, re, select, signal, socket, subprocess, tempfile, threading, time

GANGWAY = os.environ['GANGWAY']
SLOW = 4 if os.environ.get('SANITIZE') else 1
DEADLINE = 120 * SLOW  # seconds; nothing waits that long unless something is broken


class Refused(Exception):
    pass


def gone(pids):
    """Until these processes have ended; a worker that goes on writing never does."""
    deadline = time.monotonic() + DEADLINE
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ready, _, _ = select.select([fd], [], [], max(0, deadline - time.monotonic()))
        os.close(fd)
        assert ready, f'process {pid} outlives its station'


class Connection:
    """One client of the control socket. What is not the answer waited for is kept for event()."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # A socket's name may have 107 bytes: its folder is named by a descriptor, as the station itself does.
        folder = os.open(os.path.dirname(path), os.O_PATH)
        try:
            self.sock.connect(f'/proc/self/fd/{folder}/{os.path.basename(path)}')
        finally:
            os.close(folder)
        self.buffer, self.kept, self.next_id = b'', [], 0

    def close(self):
        self.sock.close()

    def line(self, deadline):
        while b'\n' not in self.buffer:
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            data = self.sock.recv(1 << 16)
            if not data:
                raise EOFError('the station closed the connection')
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b'\n')
        return json.loads(line)

    def send(self, cmd, fds=(), **args):
        self.next_id += 1
        text = json.dumps({'id': self.next_id, 'cmd': cmd, 'args': args}).encode() + b'\n'
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        sent = self.sock.sendmsg([text], control)
        if sent < len(text):  # a station that was told to stop may have closed it by now
            self.sock.sendall(text[sent:])
        return self.next_id

    def answer(self, wanted):
        for kept in self.kept:
            if kept.get('id') == wanted and 'event' not in kept:
                self.kept.remove(kept)
                return self.result(kept)
        deadline = time.monotonic() + DEADLINE
        while True:
            got = self.line(deadline)
            if 'event' not in got and got.get('id') == wanted:
                return self.result(got)
            self.kept.append(got)

    @staticmethod
    def result(answer):
        if not answer['ok']:
            raise Refused(answer['error']['code'] + ': ' + answer['error']['text'])
        return answer['result']

    def call(self, cmd, fds=(), **args):
        return self.answer(self.send(cmd, fds, **args))


class Station:
    """`slots`, `job`, `counts`, `alerts` ... are kept up to date by the subscription."""

    def __init__(self, state, fixture='', start=True, **settings):
        self.state = pathlib.Path(state).resolve()
        self.state.mkdir(exist_ok=True)
        self.config = self.state / 'test.ini'
        settings = {'listen': 'no', **settings}
        lines = '\n'.join(f'{key} = {value}' for key, value in settings.items())
        self.config.write_text(f'[station]\nstate = {self.state}\nname = test\n{lines}\n\n[fixture]\n{fixture}\n')
        self.process = self.conn = None
        if start:
            self.start()

    def start(self):
        self.launch()
        assert self.ready.wait(DEADLINE), f'the station is not ready in time: {self.text()}'
        self.connect()
        return self

    def launch(self):
        """Starts the process and reads its log."""
        self.logged = threading.Condition()
        self.ready = threading.Event()
        self.process = subprocess.Popen([GANGWAY, 'station', '--config', self.config], stderr=subprocess.PIPE, pipesize=1 << 20)
        self.drain = threading.Thread(target=self.keep_log, args=[self.process.stderr, self.ready], daemon=True)
        self.drain.start()

    def keep_log(self, pipe, ready):
        with (self.state / 'test.log').open('ab', buffering=0) as log:
            for line in pipe:
                with self.logged:
                    log.write(line)
                    self.logged.notify_all()
                if b' runs on ' in line:
                    ready.set()
        ready.set()

    def connect(self):
        self.conn = Connection(self.state / 'control.sock')
        self.view = {}
        self.conn.call('subscribe')

    def text(self):
        return (self.state / 'test.log').read_text()

    def wait_text(self, words, times=1):
        """Until the log says so: its lines come through another pipe than the events."""
        with self.logged:
            said = self.logged.wait_for(lambda: self.text().count(words) >= times, DEADLINE)
        assert said, f'{words!r} was not logged {times} times:\n{self.text()}'

    def call(self, cmd, fds=(), **args):
        return self.conn.call(cmd, fds, **args)

    def take(self, event):
        if event.get('event') == 'snapshot':
            self.view = event
        elif event.get('event') == 'slot':
            self.view['slots'][event['slot']['index']] = event['slot']
        elif 'event' in event:
            self.view[event['event']] = event[event['event']]

    def take_kept(self):
        """The events that came while an answer was waited for; answers are left for those who wait for them."""
        kept, self.conn.kept = self.conn.kept, []
        for line in kept:
            if 'event' in line:
                self.take(line)
            else:
                self.conn.kept.append(line)

    def next(self):
        """Takes one event."""
        events = [line for line in self.conn.kept if 'event' in line]
        if events:
            self.conn.kept.remove(events[0])
        self.take(events[0] if events else self.conn.line(time.monotonic() + DEADLINE))

    def slot(self, label):
        return next(s for s in self.view['slots'] if s['slot'] == str(label))

    def wait(self, what, condition, seconds=DEADLINE):
        """Until condition(self) holds of what the events say."""
        deadline = time.monotonic() + seconds
        while True:
            self.take_kept()
            if self.view and condition(self):
                return
            if any('event' in line for line in self.conn.kept):
                continue  # they came while the condition asked something
            try:
                self.take(self.conn.line(deadline))
            except (TimeoutError, socket.timeout):
                brief = [(s['slot'], s['state'], s['code'], s['reason']) for s in self.view.get('slots', [])]
                raise AssertionError(f'{what}: not in {seconds} s; {brief} {self.view.get("alerts")}\n{self.text()}') from None

    def wait_slot(self, label, *states, seconds=DEADLINE):
        self.wait(f'slot {label} in {states}', lambda s: s.slot(label)['state'] in states, seconds)
        return self.slot(label)

    def settled(self):
        """A round trip: everything the station did before it is in the view. What it does by itself may come later: wait()."""
        snapshot = self.call('state')
        self.conn.kept = [line for line in self.conn.kept if 'event' not in line]
        self.view = snapshot
        return self

    def add_image(self, path, name='image', bmap=True):
        fds = [os.open(path, os.O_RDONLY)]
        beside = re.sub(r'\.(xz|gz|zst|bz2|lz4)$', '', str(path)) + '.bmap'
        if bmap and os.path.exists(beside):
            fds.append(os.open(beside, os.O_RDONLY))
        try:
            return self.call('image.add', fds, name=name, bmap_name=beside if len(fds) > 1 else None)
        finally:
            for fd in fds:
                os.close(fd)

    def children(self, role=None):
        """pid -> role of the station's children."""
        found = {}
        for entry in pathlib.Path('/proc').iterdir():
            if not entry.name.isdigit():
                continue
            try:
                stat = (entry / 'stat').read_text().rsplit(')', 1)[1].split()
                words = (entry / 'cmdline').read_bytes().split(b'\0')
            except (OSError, IndexError):
                continue
            if int(stat[1]) == self.process.pid and stat[0] != 'Z' and len(words) > 1:
                if role is None or words[1].decode() == role:
                    found[int(entry.name)] = words[1].decode()
        return found

    @staticmethod
    def hold(pid):
        (pathlib.Path(tempfile.gettempdir()) / f'held-{pid}').touch()  # tests/run --jolt leaves it to us
        os.kill(pid, signal.SIGSTOP)

    def held(self, role):
        """The one child of that role, held still; signal it SIGCONT."""
        pid, = self.children(role)
        self.hold(pid)
        return pid

    def held_while_writing(self, slot, start):
        """Has start() begin an attempt and holds its worker still when it may write: pid."""
        recorder = self.held('recorder')
        start()
        self.wait_slot(slot, 'claimed')  # it has the device, and waits for its row
        worker = self.held('worker')
        os.kill(recorder, signal.SIGCONT)
        self.wait_slot(slot, 'writing')
        return worker

    def kill(self):
        """As the power would: SIGKILL, nothing tidied up, and nothing of it lives on."""
        self.hold(self.process.pid)  # it starts no other child then
        os.waitpid(self.process.pid, os.WUNTRACED)
        children = self.children()
        recorders = self.children('recorder')
        for pid in recorders:  # first, or the end of its socket may let it close the ledger in good order
            os.kill(pid, signal.SIGKILL)
        gone(recorders)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        gone(children)
        self.conn.close()
        self.drain.join(DEADLINE)

    def stop(self):
        self.call('stop')
        code = self.process.wait(DEADLINE)
        self.conn.close()
        self.drain.join(DEADLINE)
        assert code == 0, f'the station ended with {code}: {self.text()}'


def make_image(path, size=4 << 20, seed=1, holes=()):
    """A file of bytes that differ everywhere, with holes at the given (start, end)."""
    import random
    data = bytearray(random.Random(seed).randbytes(size))
    with open(path, 'wb') as out:
        position = 0
        for start, end in [*holes, (size, size)]:
            out.seek(position)
            out.write(data[position:start])
            position = end
        out.truncate(size)
    return pathlib.Path(path)


def ledger(state, sql, *parameters):
    import sqlite3
    db = sqlite3.connect(f'file:{state}/station.db?mode=ro', uri=True, timeout=DEADLINE)
    try:
        return db.execute(sql, parameters).fetchall()
    finally:
        db.close()


def verify_ledger(state):
    done = subprocess.run([GANGWAY, 'record', 'verify', '--state', str(state)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def check(*scenarios):
    """Runs each scenario in a folder of its own; says which one failed."""
    for scenario in scenarios:
        folder = pathlib.Path.cwd() / scenario.__name__
        folder.mkdir()
        started = time.monotonic()
        scenario(folder)
        print(f'ok {scenario.__name__} ({time.monotonic() - started:.1f} s)', flush=True)

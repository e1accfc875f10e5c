"""What scenarios with the real station are written with. Each is a process of its own; it fails by exiting not 0.

Boards are driven through umsboard's control socket, the station through its own; waiting is waiting for its events.
"""
import atexit, contextlib, json, os, pathlib, select, signal, socket, sqlite3, subprocess, sys, time

SRC, BUILD, OUT, LINE = (pathlib.Path(os.environ[name]) for name in ('SRC', 'BUILD', 'OUT', 'LINE'))
GANGWAY = BUILD / 'gangway'
MIB = 1 << 20
PATIENCE = 4  # all that is waited for is given in a quiet machine's seconds; a busy one has this many times as many


def fail(text):
    sys.exit(text)  # the last line of the log is what the result line shows


def check(condition, text):
    if not condition:
        fail(f'not so: {text}')


def figure(text):
    (LINE / 'figure').write_text(text + '\n')


def ums(*words):
    """One command of umsboard; its lines."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(LINE / 'ums.sock'))
        s.sendall((' '.join(map(str, words)) + '\n').encode())
        data = b''
        while not (data.endswith(b'ok\n') or b'error: ' in data and data.endswith(b'\n')):
            part = s.recv(65536)
            if not part:
                fail('umsboard is gone')
            data += part
    lines = data.decode().splitlines()
    if lines[-1] != 'ok':
        fail(f'umsboard {words}: {lines[-1]}')
    return lines[:-1]


class Board:
    """A board in slot N of the first hub (or port='H.P')."""

    def __init__(self, slot, faults=(), **settings):
        self.slot, self.name = str(slot), f'b{slot}'
        self.image = LINE / f'{self.name}.img'
        settings = {'port': f'0.{slot}', 'size': '16M', 'serial': f'SN{slot:0>3}', 'eject-ms': 100, **settings}
        if settings['serial'] is None:
            del settings['serial']
        words = [f'{key.replace("_", "-")}={value}' for key, value in settings.items()]
        ums('add', self.name, f'file={self.image}', *words)
        if faults:
            ums('fault', self.name, *faults)

    def status(self):
        return dict(word.split('=', 1) for word in ums('status', self.name)[0].split() if '=' in word)

    def plug(self):
        ums('plug', self.name)
        return self

    def unplug(self):
        ums('unplug', self.name)

    def wait_off(self, seconds=60):
        ums('wait', self.name, 'off', PATIENCE * seconds)

    def written(self):
        return int(self.status()['written'])

    def disk(self):
        """The block device's name in sysfs, or None."""
        hub, port = 0, self.slot
        for path in pathlib.Path('/sys/devices/platform/vhci_hcd.0').glob(f'usb*/*-{port}/*:1.0/host*/target*/*:0/block/*'):
            return path.name
        return None


def plug(boards):
    ums('plug', *(b.name for b in boards))


def storm(names, seconds=180 * PATIENCE):
    """Unplugs and plugs them again and again, until thirty plugs and unplugs fell into ten seconds; says so. When the machine is busy
    that may not be the first thirty: how fast they are is up to the emulation, and no part of what is tested."""
    began, enough, deadline = [], -(-30 // len(names)), time.monotonic() + seconds
    while True:
        began.append(time.monotonic())
        ums('unplug', *names)
        ums('plug', *names)
        for name in names:
            ums('wait', name, 'plugged', 60 * PATIENCE)  # the kernel has taken it: a real plug each time
        now = time.monotonic()
        if len(began) >= enough and now - began[-enough] < 10:
            return f'30 plugs and 30 unplugs in {now - began[-enough]:.1f} s'
        if now > deadline:
            fail(f'no storm: {len(began) * len(names)} plugs and unplugs in {now - began[0]:.0f} s')


def shell(words):
    """Words of lib.sh; what they say."""
    done = subprocess.run(['bash', '-c', f'set -e; . {SRC}/tests/line/guest/lib.sh; {words}'], capture_output=True, text=True)
    if done.returncode:
        fail(f'{words}: {done.stderr}')
    return done.stdout.strip()


class Events:
    """The kernel's and udev's events as udevadm tells them, from now on."""

    def __init__(self, *options):
        self.process = subprocess.Popen(['udevadm', 'monitor', *options], stdout=subprocess.PIPE)
        self.lines, self.part = [], b''
        self.wait(lambda line: line.startswith(('KERNEL - ', 'UDEV - ')))

    def wait(self, wanted, seconds=60):
        """Until a line comes for which wanted(line) holds; what comes with it counts as seen."""
        deadline = time.monotonic() + PATIENCE * seconds
        while select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
            *lines, self.part = (self.part + os.read(self.process.stdout.fileno(), 1 << 16)).split(b'\n')
            lines = [line.decode() for line in lines]
            self.lines += lines
            if any(wanted(line) for line in lines):
                return
        fail(f'no such event; the last ones are {self.lines[-8:]}')

    def close(self):
        """All lines of its life."""
        self.process.terminate()
        self.lines += (self.part + self.process.stdout.read()).decode().splitlines()
        self.process.wait()
        return self.lines


def udev_daemon():
    """The one that hears of events: not one of its workers, which have its name."""
    pids = subprocess.run(['pidof', 'systemd-udevd'], capture_output=True, text=True, check=True).stdout.split()
    for pid in pids:
        with contextlib.suppress(OSError):  # a worker that has ended
            if open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[1] not in pids:
                return int(pid)
    fail(f'which of {pids} is udev?')


@contextlib.contextmanager
def held(pid):
    """That process stands still."""
    mark = LINE / f'held-{pid}'  # for guest/jolt
    mark.touch()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        mark.unlink()
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def taken_over(board, usurper):
    """While udev sleeps, so that nobody is told, the kernel gives the name of the board's disk to another's; the station may open it. The name."""
    name = board.disk()
    with held(udev_daemon()):
        events = Events('--kernel', '--subsystem-match=block')
        board.unplug()
        events.wait(lambda line: 'remove' in line and f'/{name} ' in line)
        usurper.plug()
        events.wait(lambda line: 'add' in line and '/block/' in line and line.split()[2].rsplit('/', 1)[1] == name)
        events.close()
        check(usurper.disk() == name, f'{name} is another board now')
        subprocess.run(['chgrp', 'gangway', f'/dev/{name}'], check=True)
        subprocess.run(['chmod', '660', f'/dev/{name}'], check=True)
        yield name


class Station:
    """The station as the unprivileged user gangway under the real udev rules."""

    def __init__(self, slots=15, config='', name='state'):
        self.state = LINE / name
        self.config = LINE / f'{name}.ini'
        self.log = OUT / pathlib.Path(sys.argv[0]).stem / 'station.log'
        self.process = self.sock = None
        self.slots, self.job, self.taken = {}, None, 0
        self.buffer = b''
        subprocess.run(['install', '-d', '-o', 'gangway', '-g', 'gangway', '-m', '750', self.state], check=True)
        profile = LINE / 'profile.ini'
        profile.write_text('[fixture]\nname = emulated line\ncolumns = 5\nbase = platform-vhci_hcd.0-usb-0:\n[slots]\n' +
                           ''.join(f'{i} = .{i}\n' for i in range(1, slots + 1)))
        self.config.write_text(f'[station]\nname = line\nstate = {self.state}\nlisten = no\n{config}\n'
                               f'[fixture]\nkind = usb\nprofile = {profile}\n')

    def start(self, wait=120, under=(), **keep):
        """`under`: what starts it instead of us, e.g. strace -D; keep: more of subprocess.Popen's."""
        self.process = subprocess.Popen(
            [*under, 'setpriv', '--reuid', 'gangway', '--regid', 'gangway', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all',
             '--no-new-privs', str(GANGWAY), 'station', '--config', str(self.config)],
            stdin=subprocess.DEVNULL, stdout=self.log.open('ab'), stderr=subprocess.STDOUT, start_new_session=True, **keep)
        atexit.register(self.kill)
        self.connect(wait)
        return self

    def connect(self, wait):
        path, deadline = str(self.state / 'control.sock'), time.monotonic() + PATIENCE * wait
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline or self.process.poll() is not None:
                    fail(f'the station does not start: {self.log.read_text()[-400:]}')
                select.select([], [], [], 0.05)
        self.buffer, self.next_id, self.slots = b'', 0, {}
        self.call('subscribe')
        self.wait(lambda: self.slots, 20, 'a snapshot')

    def _line(self, deadline):
        while b'\n' not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            part = self.sock.recv(1 << 16)
            if not part:
                fail('the station closed its control socket')
            self.buffer += part
        line, self.buffer = self.buffer.split(b'\n', 1)
        return json.loads(line)

    def _take(self, event):
        self.taken += 1
        kind = event.get('event')
        if kind == 'snapshot':
            self.slots = {s['slot']: s for s in event['slots']}
            self.job = event['job']
        elif kind == 'slot':
            slot = event['slot']
            self.slots[slot['slot']] = slot
        elif kind == 'job':
            self.job = event['job']

    def call(self, cmd, error_ok=False, wait=60, **args):
        self.next_id += 1
        self.sock.sendall(json.dumps({'id': self.next_id, 'cmd': cmd, 'args': args}).encode() + b'\n')
        deadline = time.monotonic() + PATIENCE * wait
        while (line := self._line(deadline)) is not None:
            if line.get('id') == self.next_id:
                if not line['ok'] and not error_ok:
                    fail(f'{cmd}: {line["error"]["text"]}')
                result = line.get('result', line)
                if cmd.startswith('slot.') and line['ok']:  # the slot as it is now: its event comes later
                    self.slots[result['slot']] = result
                return result
            self._take(line)
        fail(f'{cmd}: no answer in {PATIENCE * wait} s')

    def wait(self, condition, seconds, what):
        """Until the condition holds, looking again after every event of the station, also one that came while the condition asked
        for something. Events are gathered: a state that lasts less than a moment may be in none."""
        deadline = time.monotonic() + PATIENCE * seconds
        while True:
            taken = self.taken
            if condition():
                return
            if taken != self.taken and time.monotonic() < deadline:
                continue
            line = self._line(deadline)
            if line is None:
                for v in self.slots.values():
                    if v['state'] != 'empty':
                        print({k: v[k] for k in ('slot', 'state', 'present', 'serial', 'code', 'reason', 'text')})
                fail(f'{what}: not within {PATIENCE * seconds} s: {self.states()}')
            self._take(line)

    def states(self):
        return {slot: v['state'] for slot, v in self.slots.items() if v['state'] != 'empty'}

    def wait_states(self, wanted, seconds=120):
        """wanted: {slot: state or (state, code)}"""
        def right():
            for slot, want in wanted.items():
                state, code = want if isinstance(want, tuple) else (want, None)
                have = self.slots[str(slot)]
                if have['state'] != state or code is not None and (have['code'] or '') != code:
                    return False
            return True
        self.wait(right, seconds, 'the verdicts')

    def gangway(self, *words):
        done = subprocess.run([str(GANGWAY), *map(str, words), '--state', str(self.state)], capture_output=True, text=True)
        if done.returncode:
            fail(f'gangway {words}: {done.stderr.strip() or done.stdout.strip()}')
        return done.stdout

    def ledger(self, sql, *values):
        """Rows of the ledger, read as an auditor would: with SQLite's own tool set, while the station runs."""
        base = sqlite3.connect(f'file:{self.state}/station.db?mode=ro', uri=True, timeout=20)
        try:
            base.row_factory = sqlite3.Row
            return [dict(row) for row in base.execute(sql, values)]
        finally:
            base.close()

    def attempts(self):
        return self.ledger('SELECT * FROM attempt ORDER BY attempt')

    def kill(self, how=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, how)
            self.process.wait(60 * PATIENCE)
        self.process = None

    def stop(self):
        """A clean end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(60 * PATIENCE)
            check(code == 0, f'the station ended with {code}')
        self.process = None

    def open_job(self, image, **options):
        """Adds the image and opens a job on it."""
        self.gangway('image', 'add', '--name', 'image', image)
        self.call('job.open', image='image', **options)


def make_image(path, mapped=3, size=12, sector=512):
    """A GPT image for disks of that logical sector: a head, some mapped pieces with holes between, all random; with its bmap."""
    with open(path, 'wb') as f:
        f.truncate(size * MIB)
    # fdisk, for sfdisk does not take a sector size: a new GPT, two partitions.
    subprocess.run(['fdisk', '-b', str(sector), str(path)], input='g\nn\n\n\n+4M\nn\n\n\n+4M\nw\n', text=True, check=True,
                   stdout=subprocess.DEVNULL)
    with open(path, 'r+b') as f:
        for i in range(mapped):
            f.seek(MIB + i * (size - 2) * MIB // mapped)
            f.write(os.urandom(MIB))
    subprocess.run(['bmaptool', '--quiet', 'create', '-o', f'{path}.bmap', str(path)], check=True)
    return path


def holds(image, board):
    """Whether the board's memory holds the image wherever the bmap maps it: bmaptool's word for it, not ours."""
    import xml.etree.ElementTree as ET
    root = ET.parse(f'{image}.bmap').getroot()
    block = int(root.findtext('BlockSize'))
    with open(image, 'rb') as want, open(board.image, 'rb') as have:
        for element in root.iter('Range'):
            first, _, last = element.text.strip().partition('-')
            start, end = int(first) * block, (int(last or first) + 1) * block
            want.seek(start)
            have.seek(start)
            if want.read(end - start) != have.read(end - start):
                return False
    return True


def boots(board):
    """A GPT header where a boot loader looks: LBA 1 or the last one."""
    size = os.path.getsize(board.image)
    with open(board.image, 'rb') as f:
        def at(offset):
            f.seek(offset)
            return f.read(8)
        return b'EFI PART' in (at(512), at(size - 512))

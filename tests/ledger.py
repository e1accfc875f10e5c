# SPDX-License-Identifier: MIT
"""A recorder driven from a test script, and the bodies of rows as a station writes them."""
import hashlib, json, os, pathlib, select, signal, subprocess, time

BUILD = pathlib.Path(os.environ['BUILD'])
GANGWAY = os.environ['GANGWAY']
PLAN = '0 4096 ' + hashlib.sha256(bytes(4096)).hexdigest() + '\n'
PLAN_SHA256 = hashlib.sha256(PLAN.encode()).hexdigest()
DEADLINE = 300  # seconds; nothing waits that long unless something is broken


class Recorder:
    """test_recorder drive STATE: rows in as JSON lines, what it hears out as JSON lines."""

    def __init__(self, state, wait=True, wrap=()):
        self.process = subprocess.Popen([*wrap, BUILD / 'tests/unit/test_recorder', 'drive', state], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, start_new_session=True)
        self.buffer = b''
        self.resume = self.until('ready')['resume'] if wait else None

    def send(self, *lines):
        self.process.stdin.write(b''.join(json.dumps(line).encode() + b'\n' for line in lines))
        self.process.stdin.flush()

    def row(self, kind, **body):
        self.send({'kind': kind, 'body': body})

    def event(self, timeout=DEADLINE):
        """The next event, or None when the process has ended."""
        end = time.monotonic() + timeout
        while b'\n' not in self.buffer:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError('the recorder says nothing')
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return json.loads(line)

    def until(self, name):
        while event := self.event():
            if event['event'] == name:
                return event
        raise EOFError(f'the recorder ended before {name}')

    def write(self, *rows):
        """Sends (kind, body) rows and waits until each is durable."""
        self.send(*({'kind': kind, 'body': body} for kind, body in rows))
        for _ in rows:
            while (event := self.event()) and event['event'] == 'anchored':
                pass  # the recorder's own
            assert event and event['event'] == 'durable', event

    def children(self):
        pid = self.process.pid
        return [int(p) for p in pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]

    def close(self):
        self.process.stdin.close()
        self.until('closed')
        assert self.process.wait(DEADLINE) == 0

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE)


def start():
    return 'station.start', dict(station='t', version='1', kernel='k', boot_id='b')


def image(name='demo'):
    return 'image.add', dict(name=name, key='k' * 64, codec='xz', size=4096, mapped=4096, block_size=4096, ranges=1,
                             source_sha256='a' * 64, bmap_sha256='', plan_sha256=PLAN_SHA256, plan=PLAN)


def job(name='J1', **more):
    return 'job.open', {**dict(job=name, image='demo', start='auto', verify=True, unmapped='keep', lun=0, wanted=None, lot='L1'), **more}


def opened(attempt, serial, slot='1', job='J1', disposition='first', **more):
    return 'attempt.open', dict(attempt=attempt, slot=slot, port='1-2', serial=serial, serial_source='usb' if serial else '',
                                boot_id='b', disposition=disposition, job=job, **more)


def closed(attempt, result='pass', code='', blame='', **more):
    return 'attempt.close', {**dict(attempt=attempt, result=result, code=code, blame=blame, text='', bytes_written=4096,
                                    bytes_verified=4096, plan_sha256=PLAN_SHA256, readback_sha256=PLAN_SHA256 if result == 'pass' else '',
                                    extras_sha256='', extras_readback_sha256='', verify_method='host-readback', write_s=0.5,
                                    verify_s=0.25), **more}


def failed(attempt, code='verify-mismatch', blame='device'):
    return closed(attempt, 'fail', code, blame)


def verify(state, *options):
    """(exit code, stdout, stderr) of `gangway record verify`."""
    done = subprocess.run([GANGWAY, 'record', 'verify', '--state', state, *options], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def sqlite(database, script):
    """Runs a script in the sqlite3 shell, as a tamperer or an auditor would."""
    return subprocess.run(['sqlite3', '-batch', database], input=script, check=True, capture_output=True, text=True).stdout

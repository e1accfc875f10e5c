"""Runs tools and accounts for whole processes: wall, user+sys of all descendants, peak private memory."""
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

SAMPLE_SECONDS = 0.25  # one walk over 16 workers' maps costs the bench about 3 ms


@dataclasses.dataclass
class Result:
    wall: float       # seconds, first start to last end
    cpu: float        # user+sys seconds of all processes
    private: int      # bytes, peak of the sum over all processes but the decoder
    decoder: int      # bytes, the decoder's own peak
    codes: list       # exit codes
    output: str       # stdout of all
    errors: str       # the last lines of stderr of all


def children_of():
    """ppid -> pids, of all processes."""
    tree = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                text = pathlib.Path('/proc', entry, 'stat').read_text()
            except OSError:
                continue
            ppid = int(text[text.rindex(')') + 2:].split()[1])
            tree.setdefault(ppid, []).append(int(entry))
    return tree


def descendants(pids):
    tree, found, queue = children_of(), [], list(pids)
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += tree.get(pid, [])
    return found


MAPPING = re.compile(r'^[0-9a-f]+-[0-9a-f]+ .{4} \S+ \S+ \S+ *(.*)$')
PRIVATE = re.compile(r'^Private_(?:Clean|Dirty): *(\d+) kB')


def private_bytes(pid, ignore):
    """Private_Clean + Private_Dirty of a process, without mappings of files below `ignore`: the store's pages are
    page cache, which one process that maps them alone does not own."""
    total, counted = 0, True
    try:
        with open(f'/proc/{pid}/smaps', encoding='utf-8', errors='replace') as file:
            for line in file:
                if line.startswith('Private_'):
                    if counted and (match := PRIVATE.match(line)):
                        total += int(match[1]) * 1024
                elif match := MAPPING.match(line):
                    counted = not (ignore and match[1].startswith(ignore))
    except OSError:
        return 0
    return total


def is_decoder(pid):
    try:
        words = pathlib.Path('/proc', str(pid), 'cmdline').read_bytes().split(b'\0')
    except OSError:
        return False
    return len(words) > 1 and words[1] == b'importer'


class Sampler(threading.Thread):
    def __init__(self, pids, ignore):
        super().__init__(daemon=True)
        self.pids, self.ignore = pids, ignore
        self.stop = threading.Event()
        self.private = self.decoder = 0

    def run(self):
        while not self.stop.wait(SAMPLE_SECONDS):
            private = decoder = 0
            for pid in descendants(self.pids):
                size = private_bytes(pid, self.ignore)
                if is_decoder(pid):
                    decoder += size
                else:
                    private += size
            self.private, self.decoder = max(self.private, private), max(self.decoder, decoder)


def enter_groups(paths):
    def enter():
        for path in paths:
            with open(path, 'w', encoding='ascii') as file:
                file.write(str(os.getpid()))
    return enter


def kill_all(children):
    """All processes of the running tools, the ones that left our session too."""
    for pid in descendants(child.pid for child in children if child.returncode is None):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for child in children:
        if child.returncode is None:
            child.wait()


def run(commands, enter=(), ignore='', folder='.', on_start=None, env=None):
    """Runs the commands (lists of words) at once to their end. `enter`: cgroup.procs files to be in."""
    folder = pathlib.Path(folder)
    children, cpu, codes = [], 0.0, []
    outputs = [(folder / f'out{index}', folder / f'err{index}') for index in range(len(commands))]
    started = time.monotonic()
    try:
        for words, (out, err) in zip(commands, outputs):
            with open(out, 'wb') as out_file, open(err, 'wb') as err_file:
                children.append(subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=out_file,
                                                 stderr=err_file, start_new_session=True, env=env,
                                                 preexec_fn=enter_groups(enter)))
        sampler = Sampler([child.pid for child in children], ignore)
        sampler.start()
        if on_start:
            on_start(children)
        for child in children:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            codes.append(child.returncode)
            cpu += usage.ru_utime + usage.ru_stime
        wall = time.monotonic() - started
        sampler.stop.set()
        sampler.join()
    finally:
        kill_all(children)
    errors = ''.join(err.read_text(errors='replace')[-400:] for _, err in outputs)
    return Result(wall, cpu, sampler.private, sampler.decoder, codes,
                  ''.join(out.read_text(errors='replace') for out, _ in outputs), errors)

# long: 50 s
"""The station has no root, no capability and opens no block device; each worker opens its own and no other.

Shown twice: by /proc/PID/fd while boards are being written, and by strace from the station's first system call to its last.
"""
import collections, glob, re, stat
from station import *

image = make_image(LINE / 'image.img', mapped=10)  # so much that all are still being written when the last one is
# strace is not in between (-D): the station is our child. All hold `open_end`, so `end` ends with the last of them, tracer included.
trace = LINE / 'trace'
end, open_end = os.pipe()
strace = ['strace', '-D', '-f', '-qq', '--seccomp-bpf', '-e', 'trace=open,openat,openat2,execve', '-e', 'signal=none', '-o', str(trace)]
station = Station(slots=4).start(under=strace, pass_fds=[open_end])
os.close(open_end)
station.open_job(image, start='start')
boards = [Board(i, faults=['slow@128K']) for i in range(1, 5)]


def status(pid):
    return dict(line.split(':\t', 1) for line in open(f'/proc/{pid}/status').read().splitlines() if ':\t' in line)


def open_disks(pid):
    """Block devices and USB nodes, whatever they are called."""
    found = set()
    for fd in glob.glob(f'/proc/{pid}/fd/*'):
        try:
            if stat.S_ISBLK(os.stat(fd).st_mode) or os.readlink(fd).startswith('/dev/bus/usb'):
                found.add(os.readlink(fd))
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def family():
    """{pid: argv} of the station and all that it started."""
    found = {}
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            argv = open(path).read().split('\0')
        except OSError:
            continue
        if argv[0].endswith('gangway') or argv[0] == '/proc/self/exe':
            found[int(path.split('/')[2])] = argv
    return found


plug(boards)
station.wait_states({b.slot: 'matched' for b in boards}, 120)
station.call('job.start')
station.wait_states({b.slot: 'writing' for b in boards}, 60)
holders = collections.Counter()
for pid, argv in family().items():
    try:
        s = status(pid)
    except OSError:
        continue  # it has ended
    if s['State'].startswith('Z'):
        continue
    check(s['Uid'].split()[0] != '0', f'{argv}: is not root')
    for caps in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
        check(int(s[caps], 16) == 0, f'{argv}: {caps} is empty')
    disks = open_disks(pid)
    role = argv[1] if len(argv) > 1 else ''
    check(len(disks) == (1 if role == 'worker' else 0), f'{role} has {disks} open')
    holders.update(disks)
check(len(holders) == 4 and set(holders.values()) == {1}, f'four disks, each with one holder: {holders}')
for b in boards:
    ums('fault', b.name, 'none')
station.wait_states({b.slot: 'pass' for b in boards}, 300)
for b in boards:
    b.wait_off()
station.stop()
check(select.select([end], [], [], 60 * PATIENCE)[0], 'strace comes to its end with the station')
roles, opened = {}, collections.defaultdict(set)
for line in trace.read_text(errors='replace').splitlines():
    pid, _, call = line.partition(' ')
    started = re.search(r'execve\("[^"]*", \["[^"]*", "([^"]*)"', call)
    if started:
        roles[pid] = started.group(1)
    node = re.search(r'open(?:at)?\([^"]*"(/dev/(?:sd|sg|bus/usb)[^"]*)"', call)
    if node:
        opened[pid].add(node.group(1))
check(sum(r == 'worker' for r in roles.values()) == 4, f'strace saw four workers: {roles}')
for pid, nodes in opened.items():
    check(roles.get(pid) == 'worker' and len(nodes) == 1, f'{roles.get(pid, "the station")} opened {nodes}')
check(len(opened) == 4, f'four workers opened a disk, not {len(opened)}')
figure('no root, no capabilities; 4 workers with one disk each, the station none, by /proc and by strace')

# long: 50 s
"""The station has no root, no capability and opens no block device; each worker opens its own and no other.

Shown twice: by /proc/PID/fd while boards are being written, and by strace over the whole run.
"""
import collections, glob, re, signal
from station import *

image = make_image(LINE / 'image.img')
station = Station(slots=4).start()
trace = LINE / 'trace'
tracer = subprocess.Popen(['strace', '-f', '-qq', '-e', 'trace=open,openat,execve', '-o', str(trace), '-p', str(station.process.pid)],
                          stderr=subprocess.PIPE)
station.open_job(image)
boards = [Board(i, faults=['slow@1M']) for i in range(1, 5)]


def status(pid):
    return dict(line.split(':\t', 1) for line in open(f'/proc/{pid}/status').read().splitlines() if ':\t' in line)


def open_disks(pid):
    return {os.readlink(fd) for fd in glob.glob(f'/proc/{pid}/fd/*') if os.readlink(fd).startswith(('/dev/sd', '/dev/bus/usb'))}


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
station.wait_states({b.slot: 'writing' for b in boards}, 90)
holders = collections.Counter()
for pid, argv in family().items():
    s = status(pid)
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
station.wait_states({b.slot: 'pass' for b in boards}, 300)
for b in boards:
    b.wait_off()
tracer.send_signal(signal.SIGINT)  # it lets go of them
tracer.wait(60)
station.stop()
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

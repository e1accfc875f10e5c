# guest only: limits cgroups
"""The bench's other throttle, io.max and memory.max of cgroup version 2: it slows what it should, and lets go again."""
import pathlib
import subprocess
import sys
import time
from station import *

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'bench'))
import disks
import measure
import throttle

MIB = 1 << 20
SIZE, RATE = 12 * MIB, 4 * MIB
subprocess.run(['modprobe', 'loop'], check=True)
subprocess.run(['mount', '-t', 'cgroup2', 'none', '/sys/fs/cgroup'], check=True)
atexit.register(subprocess.run, ['umount', '/sys/fs/cgroup'])
limiter = throttle.find()
check(limiter.version == 'cgroup v2 io.max', f'the throttle is {limiter.version}')
source = LINE / 'throttle.source'
source.write_bytes(b'\x5a' * SIZE)


def seconds(*words, enter=()):
    began = time.monotonic()
    result = measure.run([words], enter=[*limiter.enter, *enter], folder=LINE)
    check(result.codes == [0], f'{words}: {result.errors}')
    return time.monotonic() - began


def write(node, *flags):
    return seconds('dd', f'if={source}', f'of={node}', 'bs=1M', 'status=none', *flags)


disk = disks.Disk(LINE / 'throttle.disk', SIZE, [(0, SIZE)])
free = write(disk.node, 'oflag=direct')
limiter.limit(disk.number, RATE)
direct, buffered = write(disk.node, 'oflag=direct'), write(disk.node, 'conv=fsync')
reading = seconds('dd', f'if={disk.node}', 'of=/dev/null', 'bs=1M', 'iflag=direct', 'status=none')
for what, took in (('direct writes', direct), ('buffered writes', buffered), ('reads', reading)):
    check(took > 0.8 * SIZE / RATE, f'{what} at {RATE // MIB} MiB/s took {took:.1f} s for {SIZE // MIB} MiB')
# What is lifted is so slow that no busy machine is taken for it.
limiter.limit(disk.number, RATE // 16)
slowly = seconds('dd', f'if={source}', f'of={disk.node}', 'bs=512K', 'count=1', 'oflag=direct', 'status=none')
check(slowly > 0.8 * 2, f'512 KiB at 256 KiB/s took {slowly:.1f} s')
limiter.lift(disk.number)
again = write(disk.node, 'oflag=direct')
check(again < 0.5 * SIZE / (RATE // 16), f'lifted, and still {again:.1f} s')
# A group is left by its memory limit's end, not by entering another: the throttle holds inside it.
limiter.limit(disk.number, RATE)
with limiter.memory(48 * MIB) as enter:
    limit = (limiter.group / 'memory.max').read_text().strip()
    check(limit == str(48 * MIB), f'memory.max is {limit}')
    check(seconds('dd', f'if={source}', f'of={disk.node}', 'bs=1M', 'oflag=direct', 'status=none', enter=enter) > 0.8 * SIZE / RATE,
          'the memory limit does not lift the throttle')
check((limiter.group / 'memory.max').read_text().strip() == 'max', 'the memory limit is taken back')
group = limiter.group
limiter.close()
disk.close()
check(not group.exists(), 'the group is gone')
figure(f'{SIZE // MIB} MiB through {RATE // MIB} MiB/s: direct {direct:.1f} s, buffered {buffered:.1f} s, read {reading:.1f} s; '
       f'without {free:.1f} and {again:.1f} s')

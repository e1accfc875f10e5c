"""Throttled devices: the block throttle of cgroup version 1 (root group) or version 2 (a group of our own)."""
import contextlib
import os
import pathlib
import time


class Unavailable(Exception):
    """This machine has no block throttle (or it may not be used); the text says what was looked for."""


def mounts(kind):
    for line in pathlib.Path('/proc/mounts').read_text().splitlines():
        _, where, filesystem, options = line.split()[:4]
        if filesystem == kind:
            yield pathlib.Path(where), options.split(',')


def remove_group(group):
    """A killed process counts until its new parent has reaped it: then the folder is no longer busy."""
    for _ in range(100):
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.05)
    group.rmdir()


class ThrottleV1:
    """Version 1 does not inherit limits and does not attribute writeback: so the root group, and our tools in it."""
    version = 'cgroup v1 blkio'

    def __init__(self, root):
        self.root = root
        self.limited = set()
        self.enter = [root / 'cgroup.procs']

    def limit(self, device, rate):
        for way in ('write', 'read'):
            (self.root / f'blkio.throttle.{way}_bps_device').write_text(f'{device} {int(rate)}')
        self.limited.add(device)

    def lift(self, device):
        if device in self.limited:
            self.limit(device, 0)
            self.limited.discard(device)

    def memory(self, limit):
        """A limit on the memory of the tools that run inside it, on top of the throttle."""
        return MemoryV1(limit)

    def close(self):
        for device in list(self.limited):
            self.lift(device)


class ThrottleV2:
    """Version 2 has no limits on the root group: the measured tools run in a group of their own. With the memory
    controller beside it, what they leave to the page cache is attributed to them too (cgroup-v2.rst, Writeback)."""
    version = 'cgroup v2 io.max'

    def __init__(self, root):
        self.group = root / f'gangway-bench-{os.getpid()}'
        (root / 'cgroup.subtree_control').write_text('+io +memory')
        self.group.mkdir()
        self.limited = set()
        self.enter = [self.group / 'cgroup.procs']

    def limit(self, device, rate):
        (self.group / 'io.max').write_text(f'{device} rbps={int(rate)} wbps={int(rate)}')
        self.limited.add(device)

    def lift(self, device):
        if device in self.limited:
            (self.group / 'io.max').write_text(f'{device} rbps=max wbps=max')
            self.limited.discard(device)

    @contextlib.contextmanager
    def memory(self, limit):
        """As above. A process is in one group of version 2 only, so it is the throttle's group that gets the limit."""
        (self.group / 'memory.max').write_text(str(limit))
        try:
            yield []
        finally:
            (self.group / 'memory.max').write_text('max')

    def close(self):
        for device in list(self.limited):
            self.lift(device)
        remove_group(self.group)


def find():
    """The throttle of this machine; Unavailable with the reason when there is none."""
    if os.geteuid() != 0:
        raise Unavailable('loop devices and throttles need root: run the bench as root (sudo make bench)')
    for root, options in mounts('cgroup'):
        if 'blkio' in options and (root / 'blkio.throttle.write_bps_device').exists():
            return ThrottleV1(root)
    for root, _ in mounts('cgroup2'):
        if 'io' in (root / 'cgroup.controllers').read_text().split():
            try:
                return ThrottleV2(root)
            except OSError as error:
                raise Unavailable(f'cgroup v2 is there but no group can be made in {root}: {error}') from error
    raise Unavailable('no block throttle: neither cgroup v1 blkio.throttle.*_bps_device (CONFIG_BLK_DEV_THROTTLING) '
                      'nor the io controller of cgroup v2 is to be had here')


class MemoryV1:
    """A memory cgroup of version 1, for a tool to run in: its cgroup.procs file is what `with` gives."""

    def __init__(self, limit):
        root = next((root for root, options in mounts('cgroup') if 'memory' in options), None)
        if root is None:
            raise Unavailable('no memory cgroup beside the block throttle of cgroup v1 is to be had here')
        self.group = root / f'gangway-bench-memory-{os.getpid()}'
        self.group.mkdir()
        (self.group / 'memory.limit_in_bytes').write_text(str(limit))

    def __enter__(self):
        return [self.group / 'cgroup.procs']

    def __exit__(self, *_):
        remove_group(self.group)

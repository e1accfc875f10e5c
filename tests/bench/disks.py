"""Loop disks on RAM-backed files, throttled or not; windows over one throttled disk as a shared link."""
import os
import pathlib
import subprocess

from throttle import Unavailable


def losetup(*words):
    return subprocess.run(['losetup', *map(str, words)], check=True, capture_output=True, text=True).stdout.strip()


class Ram:
    """A tmpfs of our own: unmounting it frees everything at once."""

    def __init__(self, folder, size):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size},mode=0700', 'gangway-bench', self.folder], check=True)

    def close(self):
        subprocess.run(['umount', '-l', self.folder], check=False)
        self.folder.rmdir()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def available_memory():
    for line in pathlib.Path('/proc/meminfo').read_text().splitlines():
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return 0


def need_memory(amount):
    """tmpfs pages cannot be reclaimed without swap: better to say so than to meet the OOM killer."""
    if available_memory() < amount + (1 << 30):
        raise Unavailable(f'{amount >> 20} MiB of memory for the disks are not free (1 GiB more is kept back)')


class Disk:
    """One loop device. `ranges` are the parts of its file that get their pages now, on our account and not in the run."""

    def __init__(self, path, size, ranges=(), offset=0, backing=None, direct=False):
        self.path = pathlib.Path(path)
        self.backing = backing or self.path
        if backing is None:
            with open(self.path, 'wb') as file:
                file.truncate(size)
                for start, length in ranges:
                    os.posix_fallocate(file.fileno(), start, length)
        words = ['--find', '--show', '--offset', offset, '--sizelimit', size]
        self.node = losetup(*words, *(['--direct-io=on'] if direct else []), self.backing)
        status = os.stat(self.node)
        self.number = f'{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}'
        self.stat = pathlib.Path('/sys/dev/block') / self.number / 'stat'

    def read_bytes(self):
        return int(self.stat.read_text().split()[2]) * 512

    def written_bytes(self):
        return int(self.stat.read_text().split()[6]) * 512

    def close(self):
        subprocess.run(['losetup', '--detach', self.node], check=False)
        if self.backing == self.path:
            self.path.unlink(missing_ok=True)


class Gang:
    """N disks alike: each throttled to `rate` (bytes a second, 0: not at all)."""

    def __init__(self, ram, throttle, count, size, ranges, rate):
        need_memory(count * sum(length for _, length in ranges))
        self.throttle = throttle
        self.disks = []
        try:
            for index in range(count):
                self.disks.append(Disk(ram.folder / f'disk{index}', size, ranges))
                self.set_rate(index, rate)
        except BaseException:
            self.close()
            raise

    def set_rate(self, index, rate):
        if rate:
            self.throttle.limit(self.disks[index].number, rate)
        else:
            self.throttle.lift(self.disks[index].number)

    @property
    def nodes(self):
        return [disk.node for disk in self.disks]

    def close(self):
        for disk in self.disks:
            self.throttle.lift(disk.number)
            disk.close()
        self.disks = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Link:
    """Windows over throttled disks: `links` wires, the boards spread over them in turn.

    The throttle keeps reads and writes apart, so this wire carries `rate` each way; a USB wire carries it in sum.
    As every board writes first and reads then, the two seldom meet; the virtual fixture models the sum.
    """

    def __init__(self, ram, throttle, boards, links, size, ranges, rate):
        need_memory(boards * sum(length for _, length in ranges))
        self.throttle = throttle
        self.wires, self.disks = [], []
        try:
            for index in range(links):
                mine = len(range(index, boards, links))
                spread = [(board * size + start, length) for board in range(mine) for start, length in ranges]
                self.wires.append(Disk(ram.folder / f'wire{index}', mine * size, spread))
                throttle.limit(self.wires[-1].number, rate)
            for board in range(boards):
                wire = self.wires[board % links]
                self.disks.append(Disk(ram.folder / f'window{board}', size, offset=(board // links) * size,
                                       backing=wire.node, direct=True))
        except BaseException:
            self.close()
            raise

    @property
    def nodes(self):
        return [disk.node for disk in self.disks]

    def close(self):
        for disk in self.disks:
            disk.close()
        for wire in self.wires:
            self.throttle.lift(wire.number)
            wire.close()
        self.disks, self.wires = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class DiskStore:
    """An ext4 file system on a loop disk: a store whose disk's reads can be counted."""

    def __init__(self, ram, size):
        path = ram.folder / 'store.ext4'
        self.disk = Disk(path, size, [(0, size)])
        self.folder = ram.folder / 'store'
        try:
            subprocess.run(['mkfs.ext4', '-q', '-F', self.disk.node], check=True)
            self.folder.mkdir()
            subprocess.run(['mount', self.disk.node, self.folder], check=True)
        except BaseException:
            self.disk.close()
            raise

    def forget_cache(self):
        """Mounted anew: nothing of it is in memory."""
        subprocess.run(['umount', self.folder], check=True)
        subprocess.run(['blockdev', '--flushbufs', self.disk.node], check=True)
        subprocess.run(['mount', self.disk.node, self.folder], check=True)

    def close(self):
        subprocess.run(['umount', '-l', self.folder], check=False)
        self.folder.rmdir()
        self.disk.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

# SPDX-License-Identifier: MIT
"""Drives U-Boot's sandbox as a board: SPI NOR and eMMC are files, the console is a pipe, the plug is a process.

The UDC is the one part of a board that the sandbox does not have. In its place gw_ums asks the console a question:
while it waits for the answer the "host" may write to the eMMC's file, and the answer is the eject.
"""
import os, pathlib, re, select, struct, subprocess, time, zlib

SRC = pathlib.Path(os.environ['SRC'])
UBOOT = pathlib.Path(os.environ['UBOOT'])  # what tests/uboot/build made
NOR_BYTES, SCRIPT_OFF, SCRIPT_LEN = 2 << 20, 0x180000, 0x8000
ENV_OFF, ENV_BYTES = 0x100000, 0x2000
MIB = 1 << 20
LIMIT = float(os.environ.get("UBOOT_LIMIT", "300"))  # seconds; nothing takes that long unless something is broken


def default_env():
    """The environment that is compiled in."""
    lines = (UBOOT / 'default.env').read_text().splitlines()
    return dict(line.split('=', 1) for line in lines if '=' in line)


class Board:
    """One board in a folder. What is in NOR and eMMC survives power(); `env` is what differs from the default."""

    def __init__(self, folder, emmc_mib=64, script=None, program=None, blank=False, **env):
        self.folder = pathlib.Path(folder).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.emmc, self.nor = self.folder / 'mmc0.img', self.folder / 'spi.bin'
        with self.emmc.open('wb') as f:
            f.truncate(emmc_mib * MIB)
        self.nor.write_bytes(b'\xff' * NOR_BYTES)
        self.process, self.log, self.at = None, '', 0
        self.program = program or UBOOT / 'u-boot'
        if blank:  # nothing in NOR: the environment is the compiled-in one
            return
        self.put_nor(SCRIPT_OFF, (script or UBOOT / 'station.scr').read_bytes(), SCRIPT_LEN)
        self.set_env(**{'gw_ums': 'env ask gw_wait UMS-WAITS', **env})

    def put_nor(self, offset, data, room):
        assert len(data) <= room, f'{len(data)} bytes do not fit {room}'
        with self.nor.open('r+b') as f:
            f.seek(offset)
            f.write(data)

    def set_env(self, **env):
        """As if `setenv ...; saveenv` had been typed at the prompt. A value of None removes."""
        now = {**self.get_env(), **env}
        data = b''.join(f'{k}={v}'.encode() + b'\0' for k, v in sorted(now.items()) if v is not None)
        data = data.ljust(ENV_BYTES - 4, b'\0')
        self.put_nor(ENV_OFF, struct.pack('<I', zlib.crc32(data)) + data, ENV_BYTES)

    def get_env(self):
        """The environment in NOR; the default one where that is not valid, as U-Boot does."""
        block = self.nor.read_bytes()[ENV_OFF:ENV_OFF + ENV_BYTES]
        if struct.unpack('<I', block[:4])[0] != zlib.crc32(block[4:]):
            return default_env()
        entries = block[4:].split(b'\0\0')[0].split(b'\0')
        return dict(e.decode().split('=', 1) for e in entries if e)

    def pull(self):
        """The power goes away."""
        if self.process:
            self.process.kill()
            self.process.wait()
            os.close(self.keyboard)
            self.process.stdout.close()
            self.process = None
        return self

    def power(self):
        """Power-up; also a power cycle."""
        self.pull()
        self.log, self.at = '', 0
        # Not blocking: the sandbox looks for Ctrl-C by reading.
        read_end, self.keyboard = os.pipe()
        os.set_blocking(read_end, False)
        self.process = subprocess.Popen([self.program, '-d', UBOOT / 'board.dtb'], cwd=self.folder, stdin=read_end,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.close(read_end)
        os.set_blocking(self.process.stdout.fileno(), False)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pull()

    def expect(self, pattern, seconds=LIMIT):
        """Reads the console up to `pattern` and returns what was before it."""
        deadline = time.monotonic() + seconds
        regex = re.compile(pattern)
        while not (match := regex.search(self.log, self.at)):
            left = deadline - time.monotonic()
            assert left > 0, f'no {pattern!r} on the console:\n{self.log[-3000:]}'
            select.select([self.process.stdout], [], [], left)
            data = self.process.stdout.read()
            assert data != b'', f'U-Boot ended ({self.process.wait()}) before {pattern!r}:\n{self.log[-3000:]}'
            self.log += re.sub(r'\x1b\[[0-9;]*m|\r', '', (data or b'').decode('latin-1'))
        before, self.at = self.log[self.at:match.start()], match.end()
        return before

    def send(self, line=''):
        os.write(self.keyboard, line.encode() + b'\n')

    def run(self, line, seconds=LIMIT):
        """Runs a line at the prompt; returns (its result, what it printed)."""
        self.send(f'{line}; echo "<<$?>>"')
        self.expect(r'echo "<<.*\n')
        text = self.expect(r'<<(?=\d+>>)', seconds)
        code = self.expect('>>')
        return int(code), text

    # What a board does, as seen on its console.
    def in_station(self):
        return self.expect('UMS-WAITS')

    def eject(self):
        self.send()

    def prompt(self):
        return self.expect(r'NOTHING TO BOOT\s*\n=> $|\n=> $')

    def booted(self, marker):
        return self.expect(f'BOOTED {marker}')

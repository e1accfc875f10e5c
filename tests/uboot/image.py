# SPDX-License-Identifier: MIT
"""Small real images: GPT, a FAT with the boot.scr that tells which image has booted, and a part of random bytes."""
import os, pathlib, subprocess

UBOOT = pathlib.Path(os.environ['UBOOT'])
MIB = 1 << 20


def call(*argv, **kwargs):
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.DEVNULL, **kwargs)


def make(path, marker, mib=24, body_mib=8):
    """An image of `mib` MiB whose boot.scr prints `BOOTED marker`. Its middle is a hole; bmap-tools sees it as such."""
    path = pathlib.Path(path)
    fat, cmd, scr = path.with_suffix('.fat'), path.with_suffix('.cmd'), path.with_suffix('.scr')
    with path.open('wb') as f:
        f.truncate(mib * MIB)
    call('sfdisk', '-q', path, input=b'label: gpt\nstart=2048, size=8192, bootable, name=boot\nstart=10240, name=root\n')
    cmd.write_text(f'echo BOOTED {marker}\n')
    call(UBOOT / 'mkimage', '-T', 'script', '-d', cmd, scr)
    with fat.open('wb') as f:
        f.truncate(4 * MIB)
    call('mkfs.vfat', fat)
    call('mcopy', '-i', fat, scr, '::boot.scr')
    with path.open('r+b') as f:
        f.seek(1 * MIB)
        f.write(fat.read_bytes())
        f.seek(5 * MIB)
        f.write(os.urandom(body_mib * MIB))
    for extra in (fat, cmd, scr):
        extra.unlink()
    return path


def put(image, disk, commit=True):
    """What a station leaves on the disk: all of it, or (commit=False) all but the piece that makes it bootable."""
    data = pathlib.Path(image).read_bytes()
    size = os.path.getsize(disk)
    with open(disk, 'r+b') as f:
        f.write(data)
        if not commit:
            f.seek(0)
            f.write(bytes(MIB))
            f.seek(len(data) - 4096)
            f.write(bytes(4096))
        if len(data) < size:
            f.seek(size - 512)
            f.write(bytes(512))
        f.flush()
        os.fsync(f.fileno())

"""The bench's images: made once, kept under the build folder, in every form that the cases need."""
import os
import pathlib
import subprocess
import time
import xml.etree.ElementTree

SRC = pathlib.Path(__file__).resolve().parents[2]
MIB = 1 << 20

# form -> the command that makes it from the raw image on its standard output
COMPRESSORS = {
    'xz': ['xz', '-1', '-T2', '--block-size=24MiB', '-c'],  # 24 MiB: the block size of a plain `xz -T0`
    'xz1': ['xz', '-1', '-T1', '-c'],                       # one stream, one block: nothing to do in parallel
    'gz': ['gzip', '-6', '-c'],
    'zst': ['zstd', '-q', '-3', '-c'],
    'zst-frames': ['pzstd', '-q', '-3', '-c'],              # frames of 8 MiB
    'lz4': ['lz4', '-q', '-c'],
    'bz2': ['pbzip2', '-q', '-c'],                          # a stream for every 900 kB
}
ENDS = {'xz1': 'xz', 'zst-frames': 'zst'}                   # of their names, where it is another


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, **more)


class Image:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.raw = folder / f'{name}.wic'
        self.bmap = folder / f'{name}.bmap'
        self._ranges = None

    def form(self, form):
        return self.raw if form == 'raw' else self.folder / f'{self.name}.{form}' / f'{self.name}.wic.{ENDS.get(form, form)}'

    @property
    def size(self):
        return self.raw.stat().st_size

    @property
    def ranges(self):
        """Mapped (offset, length) of the image in bytes, from its bmap."""
        if self._ranges is None:
            root = xml.etree.ElementTree.parse(self.bmap).getroot()
            block = int(root.findtext('BlockSize'))
            self._ranges = []
            for node in root.find('BlockMap'):
                first, _, last = node.text.strip().partition('-')
                start, end = int(first) * block, (int(last or first) + 1) * block
                self._ranges.append((start, min(end, self.size) - start))
        return self._ranges

    @property
    def mapped(self):
        return sum(length for _, length in self.ranges)

    def packed(self):
        """All mapped bytes, end to end, in one file: what a plain dd of as many bytes is given."""
        path = self.folder / f'{self.name}.mapped'
        if not path.exists():
            with open(self.raw, 'rb') as source, open(path.with_suffix('.part'), 'wb') as target:
                for start, length in self.ranges:
                    while length:
                        took = os.copy_file_range(source.fileno(), target.fileno(), length, start)
                        start, length = start + took, length - took
            path.with_suffix('.part').rename(path)
        return path


def compress(image, form, say):
    """The image in this form, made if it is not there."""
    path = image.form(form)
    if form == 'raw' or path.exists():
        return path
    say(f'compressing it: {" ".join(COMPRESSORS[form])}')
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix('.part')
    with open(image.raw, 'rb') as source, open(part, 'wb') as target:
        run(*COMPRESSORS[form], stdin=source, stdout=target)
    part.rename(path)
    return path


def get(folder, name, size, mapped, forms, say):
    """The image `name`, made if it is not there: `size` bytes, about `mapped` of them mapped."""
    folder.mkdir(parents=True, exist_ok=True)
    image = Image(folder, name)
    if not image.bmap.exists():
        say(f'making the image {name}: {size // MIB} MiB, about {mapped // MIB} MiB of them mapped')
        part = folder / f'{name}.part'
        run(SRC / 'fixtures/mkimage', '--size', f'{size // MIB}M', '--mapped', f'{mapped // MIB}M', '-o', part)
        part.rename(image.raw)
        pathlib.Path(f'{part}.bmap').rename(image.bmap)
    for form in forms:
        compress(image, form, say)
    return image


def warm(*paths):
    """Reads the files once, so that every tool finds them in the page cache."""
    for path in paths:
        with open(path, 'rb') as file:
            while file.read(8 * MIB):
                pass


def settle(path, say):
    """Waits until nobody has written to the file for a minute (station/image/settled.h)."""
    left = os.stat(path).st_ctime + 61 - time.time()
    if left > 0:
        say(f'  {path.name} is young: waiting {left:.0f} s')
        time.sleep(left)


def decode_seconds(path):
    """How long one thread needs for an .xz file."""
    started = time.monotonic()
    run('xz', '-dc', '-T1', path, stdout=subprocess.DEVNULL)
    return time.monotonic() - started

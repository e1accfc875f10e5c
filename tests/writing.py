"""What the tests of `gangway write` share: images, loop disks that hold an older image, runs and their results."""
import atexit, ctypes, json, os, pathlib, subprocess, sys

SRC = pathlib.Path(os.environ['SRC'])
GANGWAY = os.environ['GANGWAY']
MIB = 1 << 20
STORE = pathlib.Path('store').resolve()
_loops = []


def run(*argv, code=0, **more):
    done = subprocess.run([str(a) for a in argv], text=True, capture_output=True, **more)
    if code is not None and done.returncode != code:
        sys.exit(f'{" ".join(map(str, argv))}: exit {done.returncode}, not {code}\n{done.stdout}{done.stderr}')
    return done


def own_mounts():
    """From here on this process and its children mount for themselves, and the mounts end with them.

    In a chroot whose / is no mount point nothing of ours can be made private, and a mount would reach the machine:
    joining the new namespace anew (setns(2)) leads to its own root, which can; then back to where we were."""
    CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
    libc = ctypes.CDLL(None, use_errno=True)

    def ok(result, what):
        if result != 0:
            raise OSError(ctypes.get_errno(), f'own_mounts: {what}: {os.strerror(ctypes.get_errno())}')

    ok(libc.unshare(CLONE_NEWNS), 'a mount namespace')
    root, here = os.open('/', os.O_PATH), os.open('.', os.O_PATH)
    namespace = os.open('/proc/self/ns/mnt', os.O_RDONLY)
    ok(libc.setns(namespace, CLONE_NEWNS), 'its root')
    ok(libc.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None), 'to make it private')
    os.fchdir(root)
    os.chroot('.')
    os.fchdir(here)
    for fd in (root, here, namespace):
        os.close(fd)


def make_image(path, size, mapped, *options):
    """A GPT image with a bmap; `size` as mkimage takes it."""
    run(SRC / 'fixtures/mkimage', '--size', size, '--mapped', mapped, *options, '-o', path)
    return pathlib.Path(path)


def mapped_ranges(bmap):
    """[(start, end)] in bytes, from any bmap of ours or bmaptool's."""
    import xml.etree.ElementTree as ET
    root = ET.parse(bmap).getroot()
    block, size = int(root.findtext('BlockSize')), int(root.findtext('ImageSize'))
    ranges = []
    for element in root.iter('Range'):
        first, _, last = element.text.strip().partition('-')
        ranges.append((int(first) * block, min(size, (int(last or first) + 1) * block)))
    return ranges


def loop(path, *options):
    """A loop disk on a file, detached when the test ends, however it ends."""
    node = run('losetup', '-f', '--show', *options, path).stdout.strip()
    _loops.append(node)
    return node


def detach(node):
    subprocess.run(['losetup', '-d', node], check=False)
    _loops.remove(node)


@atexit.register
def detach_all():
    for node in list(_loops):
        detach(node)


def old_disk(path, size):
    """A file full of old data that boots: GPT headers at both ends. No byte of it is zero but the headers'."""
    data = bytearray(b'\xa5' * size)
    for at in (512, size // 512 * 512 - 512):
        data[at:at + 8] = b'EFI PART'
    pathlib.Path(path).write_bytes(data)
    return pathlib.Path(path)


def boots(path):
    """Law 6 as a boot loader sees it: a GPT header at LBA 1 or at the last LBA."""
    size = os.path.getsize(path) // 512 * 512
    with open(path, 'rb') as disk:
        def at(offset):
            disk.seek(offset)
            return disk.read(8)
        return at(512) == b'EFI PART' or at(size - 512) == b'EFI PART'


def gangway(*argv, code=0, **more):
    """Runs a sub-command with --json; {target: result line}."""
    command, *rest = argv
    done = run(GANGWAY, command, '--json', '--store', STORE, *rest, code=code, **more)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    results = {line['target']: line for line in lines}
    results['stderr'] = done.stderr
    return results


def sync_read(path):
    """A loop disk's file as the disk has it: the loop driver writes it through."""
    return pathlib.Path(path).read_bytes()


def check(condition, what):
    if not condition:
        sys.exit(f'not so: {what}')

"""Boards with three LUNs: the job's one is written, the others are not even opened."""
import glob
from station import *

image = make_image(LINE / 'image.img', mapped=10)  # so much that all are still being written when the last one is
station = Station(slots=4).start()
station.open_job(image, lun=1, start='start')
boards = [Board(i, luns=3, faults=['slow@128K']) for i in range(1, 4)]
single = Board(4)
plug([*boards, single])
station.wait_states({**{b.slot: 'matched' for b in boards}, single.slot: 'refused'}, 120)
check('no LUN 1' in station.slots['4']['reason'], f'a board of one LUN: {station.slots["4"]}')
station.call('job.start')
station.wait_states({b.slot: 'writing' for b in boards}, 60)
opened = set()
for fd in glob.glob('/proc/[0-9]*/fd/*'):
    with contextlib.suppress(OSError):  # closed meanwhile, or its process has ended
        node, words = os.readlink(fd), open(f'{fd.rsplit("/", 2)[0]}/cmdline', 'rb').read().split(b'\0')
        if b'worker' in words and node.startswith('/dev/sd'):
            opened.add(node)
for b in boards:
    ums('fault', b.name, 'none')


def lun_of(node):
    return os.path.realpath(f'/sys/class/block/{os.path.basename(node)}/device').rsplit(':', 1)[1]


check(len(opened) == 3 and {lun_of(node) for node in opened} == {'1'}, f'the workers have LUN 1 of each board open: {opened}')
station.wait_states({b.slot: 'pass' for b in boards}, 300)
for b in boards:
    b.wait_off()
    first = b.image
    b.image = f'{first}.1'
    check(holds(image, b), f'{b.name}: LUN 1 holds the image')
    for other in (first, f'{first}.2'):
        check(not any(open(other, 'rb').read()), f'{other} is as it was')
check(single.written() == 0, 'the board of one LUN was not written to')
nodes = {row['node'] for row in station.attempts()}
check(nodes == opened, f'the ledger names the disks: {nodes}')
refused = station.ledger("SELECT body ->> 'slot' AS slot FROM log WHERE kind = 'slot.refused'")
check([row['slot'] for row in refused] == [single.slot], f'the board of one LUN, and no other, has its refusal in the ledger: {refused}')
station.stop()
figure('3 boards of 3 LUNs: LUN 1 PASS on each, LUN 0 and 2 never opened; a board of one LUN REFUSED')

"""blank=refuse and blank=ask on boards with an older image, a file system, an unfinished programming; blank ones PASS."""
from station import *

image = make_image(LINE / 'image.img')
older = make_image(LINE / 'older.img')
station = Station(slots=4).start()
boards = [Board(i) for i in range(1, 5)]


def put(board, *command):
    subprocess.run([str(word) for word in command], check=True)
    return board.image.read_bytes()


was = {1: put(boards[0], 'dd', f'if={older}', f'of={boards[0].image}', 'conv=notrunc', 'status=none'),
       2: put(boards[1], 'mkfs.ext4', '-q', '-F', boards[1].image)}
with open(image, 'rb') as have, open(boards[2].image, 'r+b') as board:  # as law 6 leaves it: no headers, some of the body
    have.seek(MIB)
    board.seek(MIB)
    board.write(have.read(MIB))
was[3] = boards[2].image.read_bytes()
station.open_job(image, blank='refuse')
plug(boards)
station.wait_states({**{i: ('refused', 'not-blank') for i in (1, 2, 3)}, 4: 'pass'}, 180)
found = {1: 'GPT with 2 partitions', 2: 'ext4 on the whole disk', 3: 'a programming of this image that did not come to its end'}
for i, what in found.items():
    slot = station.slots[str(i)]
    check(what in slot['text'], f'slot {i} says what is on it: {slot["text"]}')
    check(boards[i - 1].written() == 0 and boards[i - 1].image.read_bytes() == was[i], f'slot {i} was not written to')
station.call('job.close')
boards[3].unplug()
station.call('job.open', image='image', blank='ask')
station.wait_states({i: ('hold', 'not-blank') for i in (1, 2, 3)}, 60)
check(all(boards[i - 1].written() == 0 for i in (1, 2, 3)), 'boards that wait were not written to')
for i in (1, 3):
    station.call('slot.release', slot=str(i), reason='a sample')
station.wait_states({1: 'pass', 3: 'pass', 2: ('hold', 'not-blank')}, 120)
rows = station.ledger("SELECT slot, blank FROM attempt ORDER BY attempt")
check(rows[0]['blank'] == 'blank' and all(found[int(r['slot'])] in r['blank'] for r in rows[1:]), f'what was found is in the ledger: {rows}')
check(boards[1].written() == 0, 'the one that nobody released was not written to')
station.stop()
station.gangway('record', 'verify')
figure('older GPT, ext4 and a cut-short programming: REFUSED or HOLD, 0 bytes; released ones and a blank one PASS')

"""Boards read themselves back: asked and ejected, they answer while their cable is silent, come back in the same port, and only who found all right boots."""
import os, subprocess
from station import *

SECTOR = 13 * MIB // 512  # behind the image
image = make_image(LINE / 'image.img')


def check_itself(board):
    """What its U-Boot does after the eject, on its memory (tests/uboot compares this with U-Boot)."""
    done = subprocess.run([GANGWAY, 'virtual-board', board.image, 'eject', str(SECTOR), '0', ''],
                          env={**os.environ, 'GANGWAY_PARENT': str(os.getpid())}, capture_output=True, text=True)
    check(done.returncode == 0, f'{board.name} comes back: {done.stderr}')


station = Station(slots=5).start()
station.open_job(image, verify='on-target', target_sector=SECTOR, answer_ms=600000)
boards = [Board(i) for i in range(1, 5)]
right, wrong, silent, gone = boards
first = [right, wrong, silent]
plug(first)
station.wait(lambda: all(station.slots[b.slot]['state'] == 'awaiting' and not station.slots[b.slot]['present'] for b in first), 180,
             'all are to check themselves')
for b in first:
    b.wait_off()
    check(not boots(b), f'{b.name} does not boot yet')
with open(wrong.image, 'r+b') as f:
    f.seek(MIB + 77)
    byte = f.read(1)[0]
    f.seek(MIB + 77)
    f.write(bytes([byte ^ 1]))
for b in right, wrong:
    check_itself(b)
plug(first)
station.wait_states({right.slot: 'pass', wrong.slot: ('fail', 'verify-mismatch'), silent.slot: ('fail', 'no-answer')}, 120)
# One that had its answer and never came back to tell.
station.call('job.close')
station.call('job.open', image='image', verify='on-target', target_sector=SECTOR, answer_ms=10000)
gone.plug()
gone.wait_off(180)
check_itself(gone)
station.wait_states({gone.slot: ('fail', 'no-answer')}, 150)
right.wait_off()
check(holds(image, right) and boots(right), 'the right one holds the image and boots')
check(not any(boots(b) for b in (wrong, silent, gone)), 'no other one does')
rows = {r['slot']: (r['result'], r['code'], r['verify_method']) for r in station.attempts()}
check(rows[right.slot] == ('pass', '', 'on-target') and sum(row[0] == 'pass' for row in rows.values()) == 1, f'{rows}')
station.stop()
station.gangway('record', 'verify')
figure('4 boards asked: one found all right, PASS on-target; wrong bytes, no answer and never back: FAIL, and they do not boot')

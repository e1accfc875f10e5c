# guest only: qemu's USB stick; stops udevd
"""A stick in a slot, the Linux gadget with a board's IDs, a disk that takes a board's name: not a byte is written."""
import hashlib
from station import *


def digest(node):
    with open(node, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


image = make_image(LINE / 'image.img')
shell('start_gadget')
atexit.register(lambda: shell('stop_gadget'))
stick, gadget = shell('stick_disk'), shell('gadget_disk')
before = digest(stick), digest(gadget)
station = Station(slots=3)
profile = LINE / 'profile.ini'


def port(node):
    path = subprocess.run(['udevadm', 'info', '-q', 'property', '--property=ID_PATH', '--value', '-n', node], capture_output=True, text=True)
    return path.stdout.rsplit(':1.0-scsi', 1)[0]


# Their ports are slots of the fixture: the sharpest case there is.
with profile.open('a') as f:
    f.write(f'stick = {port(stick)}\ngadget = {port(gadget)}\n')
station.start()
station.open_job(image, start='start')
station.wait_states({'stick': ('refused', 'target-mismatch'), 'gadget': ('refused', 'target-mismatch')}, 60)
board, usurper = Board(1), Board(2)
plug([board])
station.wait_states({1: 'matched'}, 60)
with taken_over(board, usurper) as name:
    station.call('job.start')
    station.wait(lambda: station.slots['1']['state'] not in ('matched', 'claimed'), 60, 'the worker looks')
    seen = station.slots['1']
    check(seen['code'] == 'target-changed', f'the worker noticed: {seen["state"]} {seen["code"]} {seen["text"]}')
    check(usurper.written() == 0 and board.written() == 0, 'nothing was written')
check((digest(stick), digest(gadget)) == before, 'stick and gadget are what they were')
station.stop()
figure(f'stick and gadget REFUSED in slots of their own; {name} taken over by another board: target-changed, 0 bytes')

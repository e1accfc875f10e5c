# guest only: qemu's USB stick; stops udevd
"""A stick in a slot, the Linux gadget with a board's IDs, a disk that takes a board's name: not a byte is written."""
import hashlib, signal
from station import *


def shell(words):
    done = subprocess.run(['bash', '-c', f'set -e; . {SRC}/tests/line/guest/lib.sh; {words}'], capture_output=True, text=True)
    if done.returncode:
        fail(f'{words}: {done.stderr}')
    return done.stdout.strip()


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
name = board.disk()
# udev is asleep, so the station is not told; the kernel gives the board's name to another one.
udevd = int(subprocess.run(['pidof', '-s', 'systemd-udevd'], capture_output=True, text=True, check=True).stdout)
os.kill(udevd, signal.SIGSTOP)
try:
    monitor = subprocess.Popen(['udevadm', 'monitor', '--kernel', '--subsystem-match=block'], stdout=subprocess.PIPE, text=True)
    check('KERNEL' in monitor.stdout.readline() + monitor.stdout.readline(), 'a monitor')
    board.unplug()
    for line in monitor.stdout:
        if 'remove' in line and f'/{name} ' in line:
            break
    usurper.plug()
    for line in monitor.stdout:
        if 'add' in line and '/block/' in line and line.split()[2].rsplit('/', 1)[1] == name:
            break
    monitor.kill()
    check(usurper.disk() == name, f'{name} is another board now')
    subprocess.run(['chgrp', 'gangway', f'/dev/{name}'], check=True)
    subprocess.run(['chmod', '660', f'/dev/{name}'], check=True)
    station.call('job.start')
    station.wait(lambda: station.slots['1']['state'] not in ('matched', 'claimed'), 60, 'the worker looks')
    seen = station.slots['1']
    check(seen['code'] == 'target-changed', f'the worker noticed: {seen["state"]} {seen["code"]} {seen["text"]}')
    check(usurper.written() == 0 and board.written() == 0, 'nothing was written')
finally:
    os.kill(udevd, signal.SIGCONT)
check((digest(stick), digest(gadget)) == before, 'stick and gadget are what they were')
station.stop()
figure(f'stick and gadget REFUSED in slots of their own; {name} taken over by another board: target-changed, 0 bytes')

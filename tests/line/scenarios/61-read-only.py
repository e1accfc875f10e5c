"""Every moment in which a disk or the ledger can only be read: a write-protected disk, rules triggered anew in the middle of a write, a
station that ends, is killed and starts again while others read its ledger. Nothing is written that must not be, no verdict is
wrong, and it goes on afterwards.
"""
from station import *

image = make_image(LINE / 'image.img', mapped=10)  # 40 s at the slow boards' speed: time for all that is done in the middle
station = Station(slots=4).start()
station.open_job(image, start='start')
protected, free, slow = Board(1), Board(2), Board(3, faults=['slow@256K'])
plug([protected, free])
station.wait_states({1: 'matched', 2: 'matched'}, 60)


def go_on(slot, wanted, seconds=120):
    """The operator's part until the slot is there: START, and release what is held."""
    def there():
        state = station.slots[slot]['state']
        if state == 'matched':
            station.call('job.start', error_ok=True)
        elif state == 'hold':
            station.call('slot.release', slot=slot, reason='interrupted by a station that was killed', error_ok=True)
        return state == wanted
    station.wait(there, seconds, f'slot {slot}: {wanted}')


def protect(board, how):
    subprocess.run(['blockdev', how, f'/dev/{board.disk()}'], check=True)


protect(protected, '--setro')
station.call('job.start')
station.wait_states({1: ('refused', 'target-read-only'), 2: 'pass'}, 120)
slow.plug()
go_on('3', 'writing')
check(protected.written() == 0, 'not a byte to the protected disk')
# The rules run again over every disk while one of them is being written.
subprocess.run(['udevadm', 'control', '--reload'], check=True)
for action in ('change', 'add'):
    subprocess.run(['udevadm', 'trigger', '--settle', f'--action={action}', '--subsystem-match=block', '--subsystem-match=usb'], check=True)
ums('fault', slow.name, 'none')
station.wait_states({3: 'pass'}, 120)
check(holds(image, slow) and holds(image, free), 'the others hold the image')
# The protection goes, the board is loaded again: programmed.
protect(protected, '--setrw')
protected.unplug()
station.wait(lambda: not station.slots['1']['present'], 30, 'the board leaves')
protected.plug()
go_on('1', 'pass')
check(holds(image, protected), 'it holds the image now')


def read_by_others():
    """The ledger by root through SQLite, and by the station's user with Gangway's own command: both find all that was recorded."""
    mine = [(r['slot'], r['result']) for r in station.attempts()]
    theirs = subprocess.run(['setpriv', '--reuid', 'gangway', '--regid', 'gangway', '--clear-groups', str(GANGWAY), 'record', 'verify',
                             '--state', str(station.state)], capture_output=True, text=True)
    check(theirs.returncode == 0, f'record verify: {theirs.stdout} {theirs.stderr}')
    return mine


before = read_by_others()
check(sorted(before) == [('1', 'pass'), ('2', 'pass'), ('3', 'pass')], f'three PASS: {before}')
station.stop()
check(read_by_others() == before, 'ended: the same rows')
owners = {p.owner() for p in station.state.glob('station.db*')}
check(owners == {'gangway'}, f'reading left files of {owners}')
last = Board(4, faults=['slow@256K'])
last.plug()
station.start()
go_on('4', 'writing')
station.kill()
check(sorted(read_by_others())[:3] == sorted(before), 'killed: what was recorded stays')
check({p.owner() for p in station.state.glob('station.db*')} == {'gangway'}, 'reading left files of others')
protect(last, '--setro')
station.start()
station.wait_states({4: 'interrupted'}, 60)
protect(last, '--setrw')
subprocess.run(['udevadm', 'trigger', '--settle', '--action=change', f'/sys/class/block/{last.disk()}'], check=True)
check(station.slots['4']['state'] == 'interrupted' and not boots(last), 'no event makes a verdict of it')
ums('fault', last.name, 'none')
last.unplug()
station.wait(lambda: not station.slots['4']['present'], 30, 'the board leaves')
station.call('slot.ack', slot='4')
last.plug()
go_on('4', 'pass')
check(holds(image, last), 'it holds the image')
check(station.attempts()[-1]['result'] == 'pass', 'and its row says so')
station.stop()
station.gangway('record', 'verify')
figure('a write-protected disk REFUSED with 0 bytes, rules run again in the middle, ledger read at every stage of two restarts')

"""The station is killed in the middle and started again with the boards attached: interrupted, never PASS."""
import signal
from station import *

image = make_image(LINE / 'image.img', mapped=10)  # 80 s at the slow boards' speed
station = Station(slots=4).start()
station.open_job(image)
fast, slow, third = Board(1, faults=['stuck-eject']), Board(2, faults=['slow@128K']), Board(3, faults=['slow@128K'])
fast.plug()
station.wait_states({1: 'pass'}, 120)
plug([slow, third])
station.wait_states({1: 'pass', 2: 'writing', 3: 'writing'}, 120)
station.process.send_signal(signal.SIGKILL)
station.process.wait(30 * PATIENCE)
ums('fault', slow.name, 'none')
ums('fault', third.name, 'none')
station = Station(slots=4)
station.start()
station.wait_states({1: 'pass', 2: 'interrupted', 3: 'interrupted'}, 60)
rows = {r['slot']: r for r in station.attempts()}
check(rows['1']['result'] == 'pass', 'what had passed stays PASS')
check(rows['2']['result'] == rows['3']['result'] == 'interrupted', f'{rows}')
check(not boots(slow) and not boots(third), 'the interrupted boards do not boot')
# Taken out, acknowledged and loaded again, they are programmed.
for b in (slow, third):
    b.unplug()
station.wait(lambda: not station.slots['2']['present'] and not station.slots['3']['present'], 30, 'the boards leave')
for slot in '23':
    station.call('slot.ack', slot=slot)
plug([slow, third])


def settled():
    return all(station.slots[s]['state'] in ('pass', 'hold') for s in '23')


station.wait(settled, 120, 'a second attempt')
for slot in '23':
    if station.slots[slot]['state'] == 'hold':
        station.call('slot.release', slot=slot, reason='interrupted by a station that was killed')
station.wait_states({2: 'pass', 3: 'pass'}, 120)
for b in (slow, third):
    check(holds(image, b), f'{b.name} holds the image')
station.stop()
station.gangway('record', 'verify')
figure('2 boards interrupted, 1 PASS kept; loaded again they passed; the ledger verifies')

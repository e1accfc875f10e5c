"""Boards that come back by themselves: after their eject, after a flapping cable, in another slot. RETURNED is never programmed; what
passed stays passed, and nobody else is held up.
"""
from station import *

image = make_image(LINE / 'image.img', mapped=10)
station = Station(slots=5).start()
station.open_job(image)
back, flap, well = Board(1, faults=['back'], back_ms=1000), Board(2, faults=['slow@256K']), Board(3)
plug([back, flap, well])

# The connection flaps: gone in the middle of the write, back, gone and back twice more.
station.wait_states({2: 'writing'}, 120)
ums('fault', flap.name, 'none', 'flap@400x2')
flap.unplug()
ums('replug', flap.name)
station.wait_states({2: ('fail', 'device-gone'), 3: 'pass'}, 120)
station.wait(lambda: flap.status()['drops'] == '2' and flap.status()['state'] == 'plugged' and station.slots['2']['present'], 60, 'the flapping to end')
ums('fault', flap.name, 'none')
# After its eject the board comes back in ums, as one does whose script loops.
station.wait(lambda: station.slots['1']['state'] == 'hold', 120, 'RETURNED')
check('RETURNED' in station.slots['1']['reason'], f'{station.slots["1"]}')
written = back.written()


def settled():
    s = station.slots['2']
    if s['state'] == 'fail' and not s['acknowledged']:
        station.call('slot.ack', slot='2', error_ok=True)
    elif s['state'] == 'hold':
        station.call('slot.release', slot='2', reason='its cable was loose', error_ok=True)
    elif s['state'] in ('fail', 'empty') and not s['present'] and flap.status()['state'] == 'off':
        flap.plug()
    return s['state'] == 'pass'


station.wait(settled, 120, 'the flapping board to pass once it stands still')
check(holds(image, flap) and holds(image, well) and holds(image, back), 'all hold the image')
check(back.written() == written, 'the board that came back was not programmed again')
rows = [(r['slot'], r['result'], r['code'], r['blame']) for r in station.attempts()]
check(sorted(r for r in rows if r[0] != '2') == [('1', 'pass', '', ''), ('3', 'pass', '', '')], f'{rows}')
check({r[1:] for r in rows if r[0] == '2'} == {('fail', 'device-gone', 'device'), ('pass', '', '')}, f'{rows}')
station.stop()
station.gangway('record', 'verify')
figure('back after its eject: RETURNED, not a byte more; flapping three times: device-gone, then PASS; the other PASS')

# long: 70 s
"""Every fault at once, each on a board of its own: the right slot, word, code and blame; the others PASS."""
import hashlib, time
from station import *

image = make_image(LINE / 'image.img')
station = Station().start()
station.open_job(image)
HOLD, REFUSED = 'hold', 'refused'
# slot: (faults, settings, the state it ends in, the code)
CASES = {
    1: (['write-error@5M'], {}, 'fail', 'write-error'),
    2: (['read-error@5M'], {}, 'fail', 'read-error'),
    3: (['vanish@5M'], {}, 'fail', 'device-gone'),
    4: (['flip@5300000'], {}, 'fail', 'verify-mismatch'),
    5: (['read-flip@5300000'], {}, 'fail', 'verify-mismatch'),
    6: (['wrap@4M'], {}, 'fail', 'verify-mismatch'),
    7: (['slow@1M'], {}, 'pass', ''),
    8: (['stuck-eject'], {}, 'pass', ''),
    9: (['stuck-eject'], {'serial': 'TWIN'}, 'pass', ''),  # stays: its twin sees it
    10: ([], {'serial': 'TWIN'}, HOLD, 'serial-duplicate'),
    11: ([], {'block': 4096, 'uboot': '2024.07'}, REFUSED, 'target-sector-size'),
    12: ([], {'size': '8M'}, REFUSED, 'target-too-small'),
    13: (['read-vanish@5M'], {}, 'fail', 'device-gone'),
    14: ([], {'uboot': '2023.10', 'serial': None}, 'pass', ''),
    15: ([], {'luns': 2}, 'pass', ''),
}
boards = {slot: Board(slot, faults, **settings) for slot, (faults, settings, _, _) in CASES.items()}
started = time.monotonic()
plug([boards[9]])  # the first of the twins is known before the second comes
station.wait(lambda: station.slots['9']['state'] not in ('empty', 'present'), 60, 'the first twin')
plug([b for slot, b in boards.items() if slot != 9])
station.wait_states({slot: (state, code) for slot, (_, _, state, code) in CASES.items()}, 300)
took = time.monotonic() - started
rows = {int(r['slot']): r for r in station.attempts()}
for slot, (_, _, state, code) in CASES.items():
    b = boards[slot]
    if state == 'pass':
        check(holds(image, b), f'slot {slot} holds the image')
        check(rows[slot]['result'] == 'pass', f'slot {slot}: {rows[slot]}')
    elif state == 'fail':
        check((rows[slot]['result'], rows[slot]['code'], rows[slot]['blame']) == ('fail', code, 'device'), f'slot {slot}: {rows[slot]}')
        check(not boots(b), f'slot {slot} does not boot')
    else:
        check(b.written() == 0, f'slot {slot}: nothing was written')
        check(slot not in rows, f'slot {slot} has no attempt')
station.stop()
station.gangway('record', 'verify')
figure(f'15 boards, 11 kinds of trouble: every slot, code and blame right, the healthy PASS, in {took:.0f} s')

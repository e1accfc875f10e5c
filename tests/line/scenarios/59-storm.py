"""A hot-plug storm while the station runs: thirty plugs and unplugs in ten seconds, then all pulled in the middle of a write. No wrong
word, nobody else is touched by it, and it goes on.
"""
import time
from station import *

image = make_image(LINE / 'image.img')
station = Station(slots=4).start()
station.open_job(image)
boards = [Board(i, faults=['slow@1M']) for i in range(1, 4)]
started = time.monotonic()
for _ in range(10):
    for board in boards:
        ums('unplug', board.name)
    plug(boards)
    for board in boards:
        ums('wait', board.name, 'plugged', 20)
took = time.monotonic() - started
check(took < 10, f'thirty of each took {took:.1f} s')
calm = Board(4)
calm.plug()
station.wait_states({b.slot: 'writing' for b in boards}, 90)
ums('unplug', *(b.name for b in boards))
station.wait_states({b.slot: ('fail', 'device-gone') for b in boards}, 60)
for board in boards:
    ums('fault', board.name, 'none')


def turn():
    """What an operator does with each word; a green one must be true."""
    for board in boards + [calm]:
        s = station.slots[board.slot]
        if s['state'] == 'pass':
            continue
        if s['state'] == 'fail' and not s['acknowledged']:
            check(board is not calm and s['code'] == 'device-gone', f'slot {board.slot}: {s["code"]} {s["text"]}')
            station.call('slot.ack', slot=board.slot, error_ok=True)
        elif s['state'] == 'hold':
            station.call('slot.release', slot=board.slot, reason='storm', error_ok=True)
        elif s['state'] in ('fail', 'empty') and not s['present'] and board.status()['state'] == 'off':
            board.plug()
    return all(station.slots[b.slot]['state'] == 'pass' for b in boards + [calm])


station.wait(turn, 200, 'all to pass in the end')
rows = station.attempts()
for board in boards + [calm]:
    check(holds(image, board), f'{board.name} holds the image')
    mine = [r['result'] for r in rows if r['slot'] == board.slot]
    check(mine.count('pass') == 1 and mine[-1] == 'pass', f'slot {board.slot}: {mine}')
lost = [r for r in rows if r['result'] != 'pass']
check(len(lost) >= 3 and all((r['result'], r['code'], r['blame']) == ('fail', 'device-gone', 'device') for r in lost), f'{lost}')
station.stop()
station.gangway('record', 'verify')
figure(f'30 plugs and unplugs in {took:.1f} s: {len(lost)} attempts device-gone, every board PASS in the end')

"""A hot-plug storm while the station runs: thirty plugs and unplugs in ten seconds, then all pulled in the middle of a write. No wrong
word, nobody else is touched by it, and it goes on.
"""
from station import *

image = make_image(LINE / 'image.img', mapped=10)  # so much that all are still being written when the last one is
station = Station(slots=4).start()
station.open_job(image)
boards = [Board(i, faults=['slow@128K']) for i in range(1, 4)]
stormed = storm([board.name for board in boards])
calm = Board(4)
calm.plug()


def serve(wanted):
    """What an operator does with each word, until all of them are wanted; a green one must be true."""
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
    return all(station.slots[b.slot]['state'] == wanted for b in boards)


# One that was claimed in the storm has its word already.
station.wait(lambda: serve('writing'), 180, 'all to be written')
ums('unplug', *(b.name for b in boards))
station.wait_states({b.slot: ('fail', 'device-gone') for b in boards}, 60)
for board in boards:
    ums('fault', board.name, 'none')
station.wait(lambda: serve('pass'), 240, 'all to pass in the end')
station.wait_states({calm.slot: 'pass'}, 60)
rows = station.attempts()
for board in boards + [calm]:
    check(holds(image, board), f'{board.name} holds the image')
    mine = [r['result'] for r in rows if r['slot'] == board.slot]
    check(mine.count('pass') == 1 and mine[-1] == 'pass', f'slot {board.slot}: {mine}')
lost = [r for r in rows if r['result'] != 'pass']
check(len(lost) >= 3 and all((r['result'], r['code'], r['blame']) == ('fail', 'device-gone', 'device') for r in lost), f'{lost}')
station.stop()
station.gangway('record', 'verify')
figure(f'{stormed}: {len(lost)} attempts device-gone, every board PASS in the end')

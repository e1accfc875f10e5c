"""Another product with the same VID:PID on the hub, and one that takes a board's port, name and serial: not a byte."""
from station import *

image = make_image(LINE / 'image.img')
station = Station(slots=6).start()
station.open_job(image, signature='learn')
first = Board(1).plug()
station.wait_states({1: ('hold', 'signature-unapproved')}, 60)
learned = station.call('job.signature.show')
check(learned['state'] == 'proposed' and learned['serial'] == 'SN001', f'learned from the first board: {learned}')
check(learned['signature']['serial'] == '[A-Z]{2}[0-9]{3}' and learned['signature']['luns'] == 1, f'what it looks like: {learned}')
check(first.written() == 0, 'it waits')
station.call('job.signature.approve')
station.wait_states({1: 'pass'}, 120)

others = {Board(2, product='Camera'): "product string is 'Camera'", Board(3, serial='CAM-0003'): "serial is 'CAM-0003'",
          Board(4, luns=2): 'it shows 2 LUNs', Board(5, family='rockchip'): 'USB id is'}
sister = Board(6)
plug([*others, sister])
station.wait_states({**{b.slot: ('refused', 'target-mismatch') for b in others}, 6: 'pass'}, 180)
for b, why in others.items():
    reason = station.slots[b.slot]['reason']
    check(why in reason and "this job's boards" in reason, f'slot {b.slot} says why: {reason}')
    check(b.written() == 0, f'slot {b.slot} was not written to')
station.call('job.close')
for b in others:
    b.unplug()

# The job again, as it was approved. udev sleeps, and another product comes to the port, with the serial of its board.
station.call('job.open', image='image', start='start', signature_approved=learned['signature'])
board = Board(2.5, port='0.2', serial='SN020')
impostor = Board(2.6, port='0.2', serial='SN020', product='Camera')
board.slot = impostor.slot = '2'
board.plug()
station.wait_states({2: 'matched'}, 60)
with taken_over(board, impostor) as name:
    station.call('job.start')
    station.wait(lambda: station.slots['2']['state'] not in ('matched', 'claimed'), 60, 'the worker looks')
    seen = station.slots['2']
    check(seen['code'] in ('target-changed', 'target-mismatch'), f'the worker noticed: {seen["state"]} {seen["code"]} {seen["text"]}')
    check(impostor.written() == 0 and board.written() == 0, 'nothing was written')
station.wait_states({2: ('refused', 'target-mismatch')}, 60)  # and so does discovery, once it hears of it
rows = station.ledger("SELECT body FROM log WHERE kind = 'job.signature'")
check(len(rows) == 1 and json.loads(rows[0]['body'])['state'] == 'approved', f'the approval is a row: {rows}')
station.stop()
station.gangway('record', 'verify')
figure(f'learned and approved; 4 other products REFUSED, 0 bytes, a sister PASS; {name} taken over with its serial: {seen["code"]}, 0 bytes')

"""The whole hub goes in the middle: every board FAIL with device-gone at once; the station goes on."""
import time
from station import *

image = make_image(LINE / 'image.img', mapped=10)  # so much that all are still being written when the last one is
station = Station(slots=15).start()
station.open_job(image, start='start')
boards = [Board(i, faults=['slow@128K']) for i in range(1, 13)]
plug(boards)
station.wait_states({b.slot: 'matched' for b in boards}, 180)
station.call('job.start')
station.wait_states({b.slot: 'writing' for b in boards}, 60)
started = time.monotonic()
ums('unplug', *(b.name for b in boards))
station.wait_states({b.slot: ('fail', 'device-gone') for b in boards}, 120)
took = time.monotonic() - started
check(all(not boots(b) for b in boards), 'no board boots')
station.wait(lambda: not any(s['present'] for s in station.slots.values()), 30, 'the boards leave')
fresh = Board(13)
plug([fresh])
station.wait_states({13: 'matched'}, 60)
station.call('job.start')
station.wait_states({13: 'pass'}, 120)
check(set(station.states().values()) == {'fail', 'pass'}, 'the FAILs stay until they are acknowledged')
station.stop()
station.gangway('record', 'verify')
figure(f'12 boards FAIL device-gone {took:.1f} s after the hub went; the next board passed')

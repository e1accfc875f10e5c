# long: 100 s, most of it waiting for the kernel's timeouts
"""A board that hangs for good fails by itself, in bounded time, and holds up nobody."""
import time
from station import *

image = make_image(LINE / 'image.img')
station = Station(slots=3).start()
station.open_job(image)
hangs, well, late = Board(1, faults=['hang@5M']), Board(2), Board(3)
started = time.monotonic()
plug([hangs, well])
station.wait_states({1: 'writing'}, 120)
plug([late])
station.wait_states({1: 'writing', 2: 'pass'}, 120)
well_after = time.monotonic() - started
station.wait_states({1: 'writing', 3: 'pass'}, 120)
station.wait_states({1: ('fail', 'device-timeout')}, 300)
took = time.monotonic() - started
check(took < 600, f'in bounded time, not {took:.0f} s')
row = next(r for r in station.attempts() if r['slot'] == '1')
check((row['code'], row['blame']) == ('device-timeout', 'device'), f'{row}')
check(not boots(hangs), 'the hung board does not boot')
station.stop()
figure(f'hung board: {row["code"]} after {took:.0f} s; its neighbours passed meanwhile, the first in {well_after:.0f} s')

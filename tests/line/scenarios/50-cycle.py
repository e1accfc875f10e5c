"""Fifteen boards on one hub are programmed by the real station, read back, ejected, and leave with PASS."""
import time
from station import *

image = make_image(LINE / 'image.img')
station = Station().start()
station.open_job(image)
boards = [Board(i) for i in range(1, 16)]
started = time.monotonic()
plug(boards)
station.wait_states({b.slot: 'pass' for b in boards}, 300)
took = time.monotonic() - started
for b in boards:
    b.wait_off()  # ejected: U-Boot has moved on
    check(holds(image, b), f'{b.name} holds the image')
    check(int(b.status()['ejects']) == 1, f'{b.name} was ejected once')
station.wait(lambda: not any(s['present'] for s in station.slots.values()), 30, 'the boards leave')
check(set(station.states().values()) == {'pass'}, 'the verdicts outlive the cable')
rows = station.attempts()
check(len(rows) == 15 and all(r['result'] == 'pass' for r in rows), f'15 rows of PASS, not {len(rows)}')
check({r['serial'] for r in rows} == {f'SN{i:03}' for i in range(1, 16)}, 'the serials are the boards\' own')
check(all(r['port'] == f'platform-vhci_hcd.0-usb-0:{r["slot"]}' for r in rows), 'the ports are recorded')
check(all(r['plan_sha256'] == r['readback_sha256'] for r in rows), 'what was read back is the plan')
station.stop()
station.gangway('record', 'verify')
figure(f'15 boards at once: all PASS in {took:.0f} s, each ejected, the ledger verifies')

# long: 60 s
"""Fifteen boards with an older image, the same LVM, md, btrfs and ext4 UUIDs on each, are programmed by the station: nothing is
assembled from what they carry, before, while or after it is overwritten; disk names follow no slot, and all PASS.
"""
from station import *

ORDER = [9, 4, 15, 1, 12, 7, 3, 14, 6, 10, 2, 13, 8, 5, 11]  # the disks' names come in this one
image = make_image(LINE / 'image.img')
shell('make_old_image old.img')
# From here to the end: md and device mapper devices that come into being, and holders of any disk.
events = Events('--kernel', '--subsystem-match=block')
station = Station().start()
station.open_job(image, start='start')
boards = {}
for slot in ORDER:
    boards[slot] = Board(slot, size='100M')
    subprocess.run(['cp', '--sparse=always', 'old.img', boards[slot].image], check=True)
for slot in ORDER:
    boards[slot].plug()
    events.wait(lambda line: 'add' in line and f'-{slot}/' in line and line.endswith('4 (block)'))  # its fourth partition
station.wait_states({slot: 'matched' for slot in ORDER}, 240)
names = [boards[slot].disk() for slot in sorted(boards)]
check(len(set(names)) == 15 and names != sorted(names, key=lambda n: (len(n), n)), f'the names are shuffled: {names}')
holders = lambda: [str(p) for p in pathlib.Path('/sys/class/block').glob('sd*/holders/*')]
check(not holders(), f'nothing holds a disk: {holders()}')
station.call('job.start')
station.wait_states({slot: 'pass' for slot in ORDER}, 240)
check(not holders(), f'nothing holds a disk afterwards: {holders()}')
for slot, board in boards.items():
    board.wait_off()
    check(holds(image, board), f'slot {slot} holds the image')
rows = station.attempts()
check(len(rows) == 15 and all(r['result'] == 'pass' and r['port'].endswith(f':{r["slot"]}') for r in rows), f'{rows}')
check({(r['slot'], r['serial']) for r in rows} == {(str(s), f'SN{s:03}') for s in ORDER}, 'each slot has its own board\'s serial')
station.stop()
assembled = [line for line in events.close() if '/block/md' in line or '/block/dm-' in line]
check(not assembled, f'nothing was assembled: {assembled}')
figure(f'15 boards with old UUIDs, plugged as {names[0]} ... {names[-1]}: all PASS, no md, no mapped device, no holder')

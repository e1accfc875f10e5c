"""Boards with sectors of 4096 bytes: an image whose GPT was made for them PASSes; one for 512 is refused in words, and the other way round."""
from station import *

station = Station(slots=3).start()
images = {sector: make_image(LINE / f'for-{sector}.img', sector=sector) for sector in (512, 4096)}
large, small = Board(1, block=4096, uboot='2024.07'), Board(2)
station.open_job(images[512])
plug([large, small])
station.wait_states({1: ('refused', 'target-sector-size'), 2: 'pass'}, 120)
said = station.slots['1']['reason']
check(said == "4096-byte sectors, the image's GPT was made for 512", f'the refusal in words: {said}')
check(large.written() == 0, 'not a byte to it')
small.wait_off()
station.call('job.close')

station.gangway('image', 'add', '--name', 'large', images[4096])
other = Board(3)
station.call('job.open', image='large')
other.plug()
station.wait_states({1: 'pass', 3: ('refused', 'target-sector-size')}, 120)
said = station.slots['3']['reason']
check(said == "512-byte sectors, the image's GPT was made for 4096", f'the refusal in words: {said}')
check(other.written() == 0, 'not a byte to it')
large.wait_off()
check(holds(images[4096], large), 'it holds the image')
with open(large.image, 'rb') as board:
    board.seek(4096)
    check(board.read(8) == b'EFI PART', 'its GPT is where a disk of 4096-byte sectors has it')
rows = [(r['slot'], r['result'], r['bytes_verified'] > 0) for r in station.attempts()]
check(rows == [('2', 'pass', True), ('1', 'pass', True)], f'a row for each board that was written to, and no other: {rows}')
station.stop()
station.gangway('record', 'verify')
figure('4096-byte sectors: their image PASS; a GPT for the other sector size REFUSED with 0 bytes on both')

"""Boards come and go in the middle until the job's quantity is made: never more, never fewer, each verdict where it belongs."""
from station import *

WANTED, SLOTS = 12, 6
image = make_image(LINE / 'image.img')
station = Station(slots=SLOTS).start()
station.open_job(image, wanted=WANTED)
boards, loaded, pulled = {}, 0, []


def load(slot):
    """A fresh board into a slot; every fourth one's cable is pulled in the middle of its write."""
    global loaded
    loaded += 1
    if slot in boards:
        ums('remove', boards[slot].name)
        boards[slot].image.unlink()
    boards[slot] = Board(slot, faults=['vanish@5M'] if loaded % 4 == 0 else (), serial=f'GO{loaded:03}')
    if loaded % 4 == 0:
        pulled.append(f'GO{loaded:03}')
    boards[slot].plug()


for slot in range(1, SLOTS + 1):
    load(slot)


def turn():
    """Serves the slots as an operator does: what has its verdict is taken out, a FAIL is acknowledged, the next is loaded."""
    job = station.call('job.show')
    for slot in range(1, SLOTS + 1):
        s = station.slots[str(slot)]
        if s['state'] == 'fail':
            check(s['code'] == 'device-gone', f'slot {slot}: {s["code"]}')
            if not s['present'] and not s['acknowledged']:
                station.call('slot.ack', slot=str(slot))
        if s['state'] in ('pass', 'empty') and not s['present'] and boards[slot].status()['state'] == 'off':
            if s['state'] == 'pass':
                check(holds(image, boards[slot]), f'{s["serial"]} holds the image')
            if job['pass'] + job['inflight'] < WANTED:
                load(slot)
    return job['pass'] >= WANTED


station.wait(turn, 400, f'{WANTED} good boards')
rows = station.attempts()
passed = [r for r in rows if r['result'] == 'pass']
failed = [r for r in rows if r['result'] == 'fail']
check(len(passed) == WANTED, f'{len(passed)} PASS, {WANTED} were wanted')
check({r['serial'] for r in failed} <= set(pulled) and not {r['serial'] for r in passed} & set(pulled), 'only pulled boards failed')
check(all(r['code'] == 'device-gone' and r['blame'] == 'device' for r in failed), f'{failed}')
check(station.call('job.show')['pass'] == WANTED, 'the job counts them')
station.stop()
station.gangway('record', 'verify')
figure(f'{loaded} boards through {SLOTS} slots: {len(passed)} PASS as wanted, {len(failed)} pulled ones device-gone')

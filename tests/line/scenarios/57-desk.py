# guest only: programs every board in ums that it finds
"""`gangway write IMAGE` at a desk: waits for the one board, programs it, lets it go; needs no root and no station."""
from station import *

image = make_image(LINE / 'image.img')
store = LINE / 'desk-store'
subprocess.run(['install', '-d', '-o', 'gangway', '-g', 'gangway', store], check=True)


def write(*options):
    return subprocess.Popen(['setpriv', '--reuid', 'gangway', '--regid', 'gangway', '--clear-groups', '--inh-caps=-all',
                             '--bounding-set=-all', str(GANGWAY), 'write', '--json', '--store', str(store), *options, str(image)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


boards = [Board(i) for i in range(1, 4)]
one = write()
check('waiting for one' in one.stderr.readline(), 'it says that it waits')
boards[0].plug()
out, err = one.communicate(timeout=120 * PATIENCE)
print(out, err)
check(one.returncode == 0 and json.loads(out)['result'] == 'pass', f'it passed: {out} {err}')
check('serial SN001' in err and 'platform-vhci_hcd.0-usb-0:1' in err, 'serial and port are shown')
boards[0].wait_off()
check(holds(image, boards[0]), 'the board holds the image')

boards[1].plug()
boards[2].plug()
subprocess.run(['bash', '-c', f'. {SRC}/tests/line/guest/lib.sh; port_of=([b2]=0.2 [b3]=0.3); wait_for 60 has_all_disks b2 b3'], check=True)
several = write()
out, err = several.communicate(timeout=60 * PATIENCE)
check(several.returncode == 2 and 'name one as TARGET, or say --all' in err, f'two boards: {several.returncode} {err}')
check(boards[1].written() == boards[2].written() == 0, 'nothing was written')
both = write('--all')
out, err = both.communicate(timeout=120 * PATIENCE)
print(out, err)
check(both.returncode == 0 and [json.loads(line)['result'] for line in out.splitlines()] == ['pass', 'pass'], f'both passed: {out}')
for b in boards[1:]:
    b.wait_off()
    check(holds(image, b), f'{b.name} holds the image')
figure('waited for one board as the user gangway, programmed and ejected it; two need --all')

# guest only: qemu's hubs
"""Two hubs whose cables are swapped: `fixture check` names both, the station refuses to run; put back, it runs; swapped while it runs, their slots are shut. And a hub that is
missing, and one that came back on another port.
"""
import termios, tty
from station import *


class Monitor:
    """qemu's own: its cables are ours."""

    def __init__(self):
        self.fd = os.open('/dev/ttyS1', os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        termios.tcflush(self.fd, termios.TCIOFLUSH)
        self.say('')

    def say(self, words):
        os.write(self.fd, words.encode() + b'\n')
        answer = b''
        while not answer.endswith(b'(qemu) '):
            if not select.select([self.fd], [], [], 30 * PATIENCE)[0]:
                fail(f'qemu does not answer {words!r}: {answer}')
            answer += os.read(self.fd, 4096)
        check(b'Error' not in answer, f'qemu: {answer}')


monitor = Monitor()
events = Events('--udev', '--subsystem-match=usb/usb_device')


def hub_in(name, port):
    monitor.say(f'device_add usb-hub,bus=xhci.0,port={port},id=hub{name},serial=HUB-{name}')
    events.wait(lambda line: ' add ' in line and f'-{port} ' in line)


def hub_out(name, port):
    monitor.say(f'device_del hub{name}')
    events.wait(lambda line: ' remove ' in line and f'-{port} ' in line)


def fixture_check():
    done = subprocess.run([str(GANGWAY), 'fixture', 'check', '--profile', str(profile)], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    return done.returncode, done.stdout + done.stderr


def refuses():
    """The station's last words when it does not want to run."""
    process = subprocess.run(['setpriv', '--reuid', 'gangway', '--regid', 'gangway', '--clear-groups', str(GANGWAY), 'station',
                              '--config', str(station.config)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * PATIENCE)
    print(process.stdout, process.stderr)
    check(process.returncode != 0, 'the station refuses to run')
    return process.stderr


base = shell('udevadm info -q property --property=ID_PATH --value -n $(stick_disk)').split('-usb-0:')[0] + '-usb-0:'
station = Station(slots=2)
profile = LINE / 'profile.ini'
hub_in('A', 2)
hub_in('B', 3)
hubs = ''.join(f'{base}{port}'.replace(':', '|') + f' = 0409:55aa 8 HUB-{name}\n' for name, port in (('A', 2), ('B', 3)))
profile.write_text(f'[fixture]\nname = two hubs\ncolumns = 2\n[slots]\n1 = {base}2.1\n2 = {base}3.1\n[hubs]\n{hubs}')
code, text = fixture_check()
check(code == 0, f'as learnt, it fits: {text}')
station.start()
station.stop()
hub_out('A', 2)
hub_out('B', 3)
hub_in('A', 3)
hub_in('B', 2)
code, text = fixture_check()
check(code == 1, 'swapped cables are noticed')
for name, port, other in ('A', 2, 3), ('B', 3, 2):
    check(f'serial HUB-{name} is not at {base}{port}' in text and f'it is at {base}{other}: put its cable back' in text, f'hub {name}: {text}')
words = refuses()
check(f'HUB-A is not at {base}2' in words, f'it says why: {words}')
hub_out('A', 3)
code, text = fixture_check()
check(code == 1 and f'HUB-A is not at {base}2' in text and 'plug it in there' in text, f'a missing hub: {text}')
hub_out('B', 2)
hub_in('A', 2)
hub_in('B', 3)
check(fixture_check()[0] == 0, 'put back, it fits')
station.start()
station.stop()

# Swapped while the station runs: both slots say so, and the others' labels are never theirs; put back, they are empty again.
station.start()
hub_out('A', 2)
hub_out('B', 3)
hub_in('A', 3)
hub_in('B', 2)
station.wait(lambda: all(f'another hub is at {base}{port}' in (station.slots[slot]['reason'] or '') for slot, port in (('1', 2), ('2', 3))), 60,
             'both slots say that their hub is another one')
check(station.states() == {'1': 'refused', '2': 'refused'}, f'and are shut: {station.states()}')
hub_out('A', 3)
hub_out('B', 2)
hub_in('A', 2)
hub_in('B', 3)
station.wait_states({1: 'empty', 2: 'empty'}, 60)
station.stop()
hub_out('A', 2)
hub_out('B', 3)
figure('two hubs swapped: both named by fixture check, the station refuses, or shuts their slots while it runs; put back, it goes on')

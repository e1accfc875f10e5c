# SPDX-License-Identifier: MIT
"""The whole of it: a station with a job that lets boards read themselves back, and the real U-Boot as the board.

The virtual fixture's disk is the sandbox's eMMC, in place of the missing UDC. Its own U-Boot only leaves when it is ejected
(no on_target_sector): all else the sandbox does. `plug` is what a UDC would have shown.
"""
import os, pathlib, sys, tempfile, unittest

import image
from sandbox import MIB, SRC, Board

sys.path.insert(0, str(SRC / 'tests'))
from station import Station, ledger, verify_ledger

SECTOR = 64  # gw_sector; the images begin to be mapped at 1 MiB, but for their table
FIXTURE = 'kind = virtual\nslots = 1\nsize = 64M\narrive_ms = 5\nuboot = leaves\n'


class Line(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.picture = image.make(self.folder / 'product.img', 'product')
        image.call(os.environ['GANGWAY'], 'bmap', 'create', '-o', self.folder / 'product.img.bmap', self.picture)
        self.station = Station(self.folder / 'station', FIXTURE)
        self.addCleanup(self.end)
        self.station.wait('a board', lambda s: s.slot(1)['present'])
        self.board = Board(self.folder / 'board', gw_sector=f'{SECTOR:x}')
        self.addCleanup(self.board.pull)
        self.board.emmc.unlink()
        self.board.emmc.symlink_to(self.station.state / 'boards/1.img')
        self.assertIn('station (blank)', self.board.power().in_station())
        self.station.add_image(self.picture)

    def end(self):
        if self.station.process.poll() is None:
            self.station.kill()
        self.station.drain.join()
        self.station.process.stderr.close()

    def program(self, **recipe):
        """Up to the eject that lets the board check itself."""
        self.station.call('job.open', image='image', verify='on-target', target_sector=SECTOR, **recipe)
        self.station.wait('it is to check itself', lambda s: s.slot(1)['state'] == 'awaiting' and not s.slot(1)['present'])
        self.assertEqual(self.board.emmc.read_bytes()[:1024], bytes(1024))

    def check_itself(self, expected):
        self.board.eject()
        self.assertIn(f'on-target verify: {expected}', self.board.in_station())
        self.station.call('fixture.plug', slot='1', board='same')

    def verdict(self):
        slot = self.station.wait_slot(1, 'pass', 'fail')
        self.station.wait('it was let go', lambda s: not s.slot(1)['present'])
        self.station.stop()
        verify_ledger(self.station.state)
        return slot, ledger(self.station.state, 'SELECT result, code, verify_method FROM attempt')

    def test_a_board_that_read_itself_back_passes_and_boots(self):
        self.program()
        self.check_itself('pass')
        slot, rows = self.verdict()
        self.assertEqual((slot['state'], slot['verify_method']), ('pass', 'on-target'))
        self.assertEqual(rows, [('pass', '', 'on-target')])
        self.board.eject()
        self.assertIn('programmed', self.board.expect('resetting'))
        self.board.booted('product')
        self.board.power().booted('product')

    def test_a_byte_that_changed_on_the_way_fails_it_and_nothing_boots(self):
        self.program()
        with self.board.emmc.open('r+b') as f:
            f.seek(7 * MIB)
            byte = f.read(1)
            f.seek(7 * MIB)
            f.write(bytes([byte[0] ^ 4]))
        self.check_itself('fail')
        slot, rows = self.verdict()
        self.assertEqual((slot['state'], slot['code'], slot['blame']), ('fail', 'verify-mismatch', 'device'))
        self.assertEqual([row[:2] for row in rows], [('fail', 'verify-mismatch')])
        self.board.eject()
        text = self.board.prompt()
        self.assertIn('nothing was programmed', text)
        self.assertNotIn('BOOTED', text)
        self.assertIn('station (blank)', self.board.power().in_station())

    def test_a_power_cut_while_it_reads_only_makes_it_read_again(self):
        self.program(target_window=4096)
        self.board.eject()
        self.board.expect('MMC read: dev # 0, block # 2048,')
        self.board.power().in_station()
        self.station.call('fixture.plug', slot='1', board='same')
        slot, rows = self.verdict()
        self.assertEqual(rows, [('pass', '', 'on-target')])
        self.board.eject()
        self.board.booted('product')


if __name__ == '__main__':
    unittest.main()

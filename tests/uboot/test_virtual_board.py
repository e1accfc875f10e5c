# SPDX-License-Identifier: MIT
"""The station's virtual boards do what U-Boot does: the same disk, given to both, is the same disk afterwards."""
import os, shutil, subprocess, unittest

import test_image_script
from sandbox import MIB
from test_image_script import GANGWAY, gangway

SECTOR = 64


def virtual(disk, how):
    """Runs what a virtual board runs; returns whether it would show itself to the host again."""
    done = subprocess.run([GANGWAY, 'virtual-board', disk, how, str(SECTOR), '0', ''], env={**os.environ, 'GANGWAY_PARENT': str(os.getpid())})
    assert done.returncode in (0, 10, 11), done.returncode
    return done.returncode == 0


class Alike(test_image_script.Case):
    def both(self, change=lambda f: None, window='1M', how='eject'):
        """Asks a board, changes its disk, lets U-Boot and the virtual board answer, compares their disks; the summary's text."""
        board = self.board(gw_sector=f'{SECTOR:x}')
        board.power().in_station()
        gangway('on-target', 'ask', '--sector', SECTOR, '--window', window, self.image, board.emmc)
        with board.emmc.open('r+b') as f:
            change(f)
        copy = board.folder / 'virtual.img'
        shutil.copy(board.emmc, copy)
        if how == 'eject':
            board.eject()
        else:
            board.power()
        board.in_station()
        board.pull()
        self.assertTrue(virtual(copy, how))
        self.assertEqual(copy.read_bytes(), board.emmc.read_bytes())
        return copy.read_bytes()[(SECTOR + 1) * 512:(SECTOR + 2) * 512].rstrip(b'\0').decode()

    @staticmethod
    def put(offset, data):
        def change(f):
            f.seek(offset)
            f.write(data)
        return change

    def test_an_answer_is_the_same_byte_for_byte(self):
        for window in '1M', '4K', '64M':
            for how in 'eject', 'power':
                with self.subTest(window=window, how=how):
                    self.assertIn('gw_sum_result=pass', self.both(window=window, how=how))

    def test_and_so_is_one_about_wrong_bytes(self):
        for offset in MIB + 100, 7 * MIB, 13 * MIB - 1:
            with self.subTest(offset):
                self.assertIn('gw_sum_result=fail', self.both(self.put(offset, b'wrong')))

    def test_neither_answers_with_a_damaged_script(self):
        self.assertEqual(self.both(self.put((SECTOR + 2) * 512 + 700, b'x')), 'gw_sum_tries=1\n')

    def test_neither_begins_a_fourth_time(self):
        self.assertIn('gw_sum_result=pass', self.both(self.put((SECTOR + 1) * 512, b'gw_sum_tries=2\n')))
        self.assertEqual(self.both(self.put((SECTOR + 1) * 512, b'gw_sum_tries=3\n'), how='power'), 'gw_sum_tries=3\n')

    def test_neither_answers_twice(self):
        board = self.board(gw_sector=f'{SECTOR:x}')
        board.power().in_station()
        gangway('on-target', 'ask', '--sector', SECTOR, self.image, board.emmc)
        board.eject()
        board.in_station()
        before = board.emmc.read_bytes()
        self.assertTrue(virtual(board.emmc, 'power'))
        self.assertEqual(board.emmc.read_bytes(), before)

    def test_both_boot_what_has_a_table_and_wait_at_the_prompt_after_an_eject_of_nothing(self):
        self.assertFalse(virtual(self.board(self.old).emmc, 'power'))
        self.assertFalse(virtual(self.board(self.old).emmc, 'eject'))
        blank = self.board(gw_sector=f'{SECTOR:x}')
        self.assertTrue(virtual(blank.emmc, 'power'))
        self.assertFalse(virtual(blank.emmc, 'eject'))
        blank.power().in_station()
        blank.eject()
        self.assertIn('nothing was programmed', blank.prompt())


if __name__ == '__main__':
    unittest.main()

# SPDX-License-Identifier: MIT
"""The start script on a board: when it goes to the station, how it leaves it, and that it always ends well."""
import os, pathlib, unittest

import image
from case import BoardCase


class Case(BoardCase):
    def assert_no_station(self, text):
        self.assertNotIn('UMS-WAITS', text)


class Entry(Case):
    def test_a_blank_board_waits_for_the_host_then_boots_what_it_wrote(self):
        board = self.board().power()
        self.assertIn('station (blank)', board.in_station())
        image.put(self.new, board.emmc)
        board.eject()
        self.assertIn('programmed', board.expect('resetting'))
        self.assert_no_station(board.booted('new'))

    def test_a_good_board_boots(self):
        self.assert_no_station(self.board(self.old).power().booted('old'))

    def test_a_half_written_board_waits_for_the_host(self):
        board = self.board(self.new, commit=False).power()
        self.assertIn('station (blank)', board.in_station())

    def test_a_backup_table_alone_boots_so_it_counts_as_a_table(self):
        board = self.board(emmc_mib=24)
        image.put(self.new, board.emmc)
        with board.emmc.open('r+b') as f:
            f.seek(512)
            f.write(bytes(512))
        self.assert_no_station(board.power().booted('new'))

    def test_a_board_whose_emmc_does_not_answer_goes_on_to_the_normal_boot(self):
        board = self.board(gw_mmc='3').power()
        text = board.prompt()
        self.assertIn('eMMC 3 does not answer', text)
        self.assert_no_station(text)

    def test_a_damaged_start_script_does_not_stop_the_boot(self):
        board = self.board(self.old)
        board.put_nor(0x180000 + 200, b'\0\0\0\0', 4)
        self.assertIn('no start script, or it failed', board.power().booted('old'))

    def test_an_erased_nor_does_not_stop_the_boot(self):
        board = self.board(self.old)
        board.nor.write_bytes(b'\xff' * (2 << 20))
        self.assert_no_station(board.power().booted('old'))


class Request(Case):
    def test_station_1_brings_a_good_board_to_the_station_once(self):
        board = self.board(self.old, station='1').power()
        self.assertIn('station (request)', board.in_station())
        self.assertNotIn('station', board.get_env())
        image.put(self.new, board.emmc)
        board.eject()
        self.assert_no_station(board.booted('new'))

    def test_a_power_cycle_ends_a_requested_session(self):
        board = self.board(self.old, station='1').power()
        board.in_station()
        image.put(self.new, board.emmc)
        self.assert_no_station(board.power().booted('new'))

    def test_a_request_that_cannot_be_cleared_is_not_followed(self):
        board = self.board(self.old, station='1', gw_save=None).power()
        text = board.booted('old')
        self.assertIn('could not be cleared', text)
        self.assert_no_station(text)


class Strap(Case):
    # Nothing drives the sandbox's pins: they read 0.
    STRAP = dict(gw_strap='a5', gw_strap_on='0')

    def test_a_set_strap_brings_a_good_board_to_the_station(self):
        board = self.board(self.old, **self.STRAP).power()
        self.assertIn('station (strap)', board.in_station())

    def test_a_strap_that_stays_set_does_not_bring_it_back_after_a_success(self):
        board = self.board(self.old, **self.STRAP).power()
        board.in_station()
        image.put(self.new, board.emmc)
        board.eject()
        self.assert_no_station(board.booted('new'))
        self.assert_no_station(board.power().booted('new'))

    def test_a_strap_that_stays_set_does_not_bring_it_back_after_a_power_cycle(self):
        board = self.board(self.old, **self.STRAP).power()
        board.in_station()
        image.put(self.new, board.emmc)
        self.assert_no_station(board.power().booted('new'))

    def test_without_a_lasting_environment_it_boots_on_without_a_reset(self):
        board = self.board(**self.STRAP, gw_save=None).power()
        board.in_station()
        image.put(self.new, board.emmc)
        board.eject()
        text = board.booted('new')
        self.assertNotIn('resetting', text)

    def test_a_released_strap_is_good_for_the_next_time(self):
        board = self.board(self.old, gw_strap='a5', gw_strap_on='1', gw_served='1').power()
        board.booted('old')
        self.assertNotIn('gw_served', board.get_env())

    def test_a_strap_that_is_not_set_means_the_normal_boot(self):
        self.assert_no_station(self.board(self.old, gw_strap='a5').power().booted('old'))

    def test_a_strap_that_the_board_does_not_have_means_the_normal_boot(self):
        self.assert_no_station(self.board(self.old, gw_strap='zz9', gw_strap_on='0').power().booted('old'))

    def test_a_button_that_is_not_pressed_or_not_there_means_the_normal_boot(self):
        for name in 'button1', 'nobutton':
            self.assert_no_station(self.board(self.old, gw_button=name).power().booted('old'))


class Serial(Case):
    def serial_at_the_station(self, **env):
        # The stand-in for `ums` shows what a UDC would have told the host.
        board = self.board(gw_ums='printenv serial#; env ask gw_wait UMS-WAITS', **env).power()
        text = board.in_station()
        return next((line.split('=', 1)[1] for line in text.splitlines() if line.startswith('serial#=')), None), text

    def test_a_serial_that_is_there_is_kept(self):
        self.assertEqual(self.serial_at_the_station(**{'serial#': 'unit-7', 'gw_id_fuse': 'setenv gw_id fuse-1'})[0], 'unit-7')

    def test_a_missing_serial_comes_from_the_fuses_first(self):
        self.assertEqual(self.serial_at_the_station(gw_id_fuse='setenv gw_id fuse-1', ethaddr='00:1b:21:0a:0b:0c')[0], 'fuse-1')

    def test_then_from_the_eth_address(self):
        self.assertEqual(self.serial_at_the_station(ethaddr='00:1b:21:0a:0b:0c', gw_id_cid='setenv gw_id cid-1')[0], '001b210a0b0c')

    def test_but_not_from_a_random_one(self):
        for first in '02', '06', '0a', '0E':
            serial, _ = self.serial_at_the_station(ethaddr=first + ':1b:21:0a:0b:0c', gw_id_cid='setenv gw_id cid-1')
            self.assertEqual(serial, 'cid-1')

    def test_a_serial_that_all_boards_share_is_replaced(self):
        serial, _ = self.serial_at_the_station(**{'serial#': '0123456789', 'gw_serial_const': 'abc 0123456789',
                                                  'gw_id_fuse': 'setenv gw_id fuse-1'})
        self.assertEqual(serial, 'fuse-1')

    def test_one_that_cannot_be_replaced_stays_and_the_station_is_told(self):
        serial, text = self.serial_at_the_station(**{'serial#': '0123456789', 'gw_serial_const': '0123456789'})
        self.assertEqual(serial, '0123456789')
        self.assertIn('no serial of its own', text)

    def test_without_any_source_the_station_is_told(self):
        serial, text = self.serial_at_the_station()
        self.assertIsNone(serial)
        self.assertIn('no serial of its own', text)

    def test_nothing_of_it_is_saved(self):
        board = self.board(gw_id_fuse='setenv gw_id fuse-1').power()
        board.in_station()
        self.assertNotIn('serial#', board.get_env())


class Ending(Case):
    def test_an_eject_without_a_table_neither_loops_nor_resets(self):
        board = self.board().power()
        board.in_station()
        board.eject()
        text = board.prompt()
        self.assertIn('nothing was programmed', text)
        self.assertNotIn('resetting', text)

    def test_a_ums_that_fails_ends_in_the_normal_boot(self):
        board = self.board(gw_ums='false').power()
        self.assertIn('ums failed', board.prompt())

    def test_the_real_ums_command_takes_the_whole_disk_of_any_table(self):
        # `ums 0 mmc 0` does not where there is no partition 1; after this line the sandbox would need a UDC.
        for holds in None, self.old:
            board = self.board(holds, station='1', gw_ums='ums ${gw_udc} mmc ${gw_mmc}:0').power()
            board.expect('UMS: LUN 0, dev mmc 0, hwpart 0, sector 0x0, count 0x20000')

    def test_gw_done_runs_after_the_success(self):
        board = self.board(gw_done='echo DONE-HOOK').power()
        self.assertNotIn('DONE-HOOK', board.in_station())
        image.put(self.new, board.emmc)
        board.eject()
        self.assertIn('DONE-HOOK', board.expect('resetting'))

    def test_a_failing_gw_done_is_told_and_the_board_boots(self):
        board = self.board(gw_done='mmc partconf 0 1 1 0').power()  # the sandbox's card is an SD card
        board.in_station()
        image.put(self.new, board.emmc)
        board.eject()
        self.assertIn('gw_done failed', board.booted('new'))

    def test_without_eject_gw_done_comes_first_and_the_power_cycle_ends_well(self):
        board = self.board(gw_done='echo DONE-HOOK', gw_eject='no').power()
        self.assertIn('DONE-HOOK', board.in_station())
        image.put(self.new, board.emmc)
        self.assert_no_station(board.power().booted('new'))

    def test_an_erase_that_the_board_asks_for_leaves_nothing_of_the_old(self):
        board = self.board(self.old, station='1', gw_erase='yes').power()
        board.in_station()
        self.assertEqual(board.emmc.read_bytes().count(0), 64 << 20)

    def test_without_being_asked_nothing_is_erased(self):
        board = self.board(self.old, station='1')
        before = board.emmc.read_bytes()
        board.power().in_station()
        self.assertEqual(board.emmc.read_bytes(), before)


class Self(Case):
    def test_a_board_that_can_program_itself_tries_that_first(self):
        board = self.board(gw_self='host load hostfs - ${gw_addr} boot.scr && source ${gw_addr}',
                           gw_get='host load hostfs - ${gw_zip} gw/${gw_file}')
        stick(self.new, board.folder)
        text = board.power().booted('new')
        self.assertIn('on-board programming: pass', text)
        self.assert_no_station(text)

    def test_without_a_stick_it_waits_for_the_host(self):
        board = self.board(gw_self='host load hostfs - ${gw_addr} boot.scr && source ${gw_addr}').power()
        self.assertIn('nothing there', board.in_station())


class PowerCut(Case):
    def test_at_any_step_of_a_programming_the_board_comes_back_to_the_station_or_boots_the_whole_image(self):
        board = self.board(self.old, station='1')
        steps = [
            ('before the first byte', lambda: None, 'old'),
            ('heads gone', lambda: image.put(bytes_of(board.emmc, self.old), board.emmc, commit=False), None),
            ('half of it', lambda: image.put(bytes_of(board.emmc, self.new, 12), board.emmc, commit=False), None),
            ('all but the commit piece', lambda: image.put(self.new, board.emmc, commit=False), None),
            ('all', lambda: image.put(self.new, board.emmc), 'new'),
        ]
        board.power().in_station()
        for name, step, boots in steps:
            with self.subTest(name):
                step()
                board.power()
                if boots:
                    self.assert_no_station(board.booted(boots))
                else:
                    self.assertIn('station (blank)', board.in_station())

    def test_while_the_environment_is_being_saved_the_defaults_take_over(self):
        board = self.board(self.old, station='1')
        board.put_nor(0x100000, b'\xff' * 4096, 4096)
        self.assert_no_station(board.power().booted('old'))


def stick(img, folder):
    store = pathlib.Path(folder) / 'store'
    image.call(os.environ['GANGWAY'], 'stick', '--store', store, img, folder)


def bytes_of(disk, img, mib=0):
    """A file beside the disk: the image's first mib MiB over what the disk holds."""
    out = pathlib.Path(disk).with_name('mixed.img')
    size = pathlib.Path(img).stat().st_size
    out.write_bytes(pathlib.Path(img).read_bytes()[:mib << 20] + pathlib.Path(disk).read_bytes()[mib << 20:size])
    return out


if __name__ == '__main__':
    unittest.main()

# SPDX-License-Identifier: MIT
"""What `gangway image script` and `gangway stick` write, run by U-Boot on a board."""
import gzip, json, os, pathlib, re, shutil, subprocess, unittest

import image
from case import BoardCase
from sandbox import MIB, UBOOT
from test_scripts import assert_old_hush

GANGWAY = os.environ['GANGWAY']


def gangway(*argv, code=0, **kwargs):
    result = subprocess.run([GANGWAY, *map(str, argv)], capture_output=True, text=True, **kwargs)
    assert result.returncode == code, f'gangway {argv}: exit {result.returncode}\n{result.stdout}{result.stderr}'
    return result


class Case(BoardCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.environ['GANGWAY_STORE'] = str(cls.folder / 'store')
        cls.image = cls.new
        gangway('bmap', 'create', '-o', cls.folder / 'new.img.bmap', cls.image)

    def at_the_prompt(self, board):
        """A board without the start script's doing, so that only the script under test acts."""
        board.set_env(preboot=None, bootcmd=None)
        board.power().expect('=> ')
        return board


class Verify(Case):
    def run_on(self, board, *options):
        gangway('image', 'script', *options, '-o', board.folder / 'verify.scr', self.image)
        return self.source(board, 'verify.scr')

    def source(self, board, name):
        """0 or 1 for pass or fail, the console, and the variables that the script leaves."""
        text = self.at_the_prompt(board).run(f'host load hostfs - 2000000 {name} && source 2000000')[1]
        env = board.run('printenv gw_result; printenv gw_bad')[1]
        return {'pass': 0, 'fail': 1}[re.search(r'gw_result=(\w+)', env).group(1)], text, env

    def flip(self, board, offset):
        with board.emmc.open('r+b') as f:
            f.seek(offset)
            byte = f.read(1)
            f.seek(offset)
            f.write(bytes([byte[0] ^ 1]))

    def test_mkimage_accepts_it_and_it_is_the_same_each_time(self):
        first, second = (gangway('image', 'script', '--text', self.image).stdout for _ in range(2))
        self.assertEqual(first, second)
        self.assertIn('hash -v sha256', first)
        gangway('image', 'script', '-o', self.folder / 'v.scr', self.image)
        listed = subprocess.run([UBOOT / 'mkimage', '-l', self.folder / 'v.scr'], check=True, capture_output=True, text=True).stdout
        self.assertIn('Script', listed)
        self.assertIn('gangway verify', listed)
        assert_old_hush(self, first)

    def test_it_passes_on_what_was_written_right(self):
        for window in '1M', '4K', '64M':
            code, text, env = self.run_on(self.board(self.image), '--window', window)
            self.assertEqual(code, 0, text)
            self.assertIn('gw_result=pass', env)

    def test_unmapped_bytes_may_be_anything(self):
        board = self.board(self.image)
        with board.emmc.open('r+b') as f:
            f.seek(20 * MIB)
            f.write(os.urandom(MIB))
        self.assertEqual(self.run_on(board)[0], 0)

    def test_it_fails_on_one_flipped_bit_anywhere_and_names_the_window(self):
        for offset in 0, 513, MIB + 100, 5 * MIB, 13 * MIB - 1, 24 * MIB - 400:
            board = self.board(self.image)
            self.flip(board, offset)
            code, text, env = self.run_on(board, '--window', '1M')
            self.assertEqual(code, 1, f'{offset}: {text}')
            self.assertIn('gw_result=fail', env)
            bad = int(re.search(r'gw_bad=(\d+)', env).group(1))
            self.assertLessEqual(bad, offset)

    def test_it_fails_on_another_image_and_on_a_blank_board(self):
        for holds in self.old, None:
            self.assertEqual(self.run_on(self.board(holds))[0], 1)

    def test_it_fails_on_a_board_that_is_too_small(self):
        board = self.board(emmc_mib=16)
        with board.emmc.open('r+b') as f:
            f.write(self.image.read_bytes()[:16 * MIB])
        code, _, env = self.run_on(board)
        self.assertEqual(code, 1)
        self.assertIn('gw_result=fail', env)

    def test_a_u_boot_that_cannot_compare_fails_rather_than_passes(self):
        # Without HASH_VERIFY `hash -v` is an error: as here, where the algorithm is not there.
        text = gangway('image', 'script', '--text', self.image).stdout.replace('hash -v sha256', 'hash -v nosuch')
        board = self.board(self.image)
        (board.folder / 'v.cmd').write_text(text)
        image.call(UBOOT / 'mkimage', '-T', 'script', '-d', board.folder / 'v.cmd', board.folder / 'v.scr')
        self.assertEqual(self.source(board, 'v.scr')[0], 1)

    def test_what_is_withheld_is_not_asked_for(self):
        board = self.board(self.image, commit=False)
        self.assertEqual(self.run_on(board, '--withheld')[0], 0)
        self.assertEqual(self.run_on(self.board(self.image, commit=False))[0], 1)

    def test_a_partial_last_block_is_read_by_its_real_bytes(self):
        odd = self.folder / 'odd.img'
        odd.write_bytes(os.urandom(3 * MIB + 777))
        board = self.board()
        with board.emmc.open('r+b') as f:
            f.write(odd.read_bytes() + b'\xff' * 300)
        gangway('image', 'script', '-o', board.folder / 'verify.scr', odd)
        code, text, _ = self.source(board, 'verify.scr')
        self.assertEqual(code, 0, text)


class Stick(Case):
    SELF = dict(bootcmd='host bind 0 stick.img; setenv devtype host; setenv devnum 0; load host 0:1 ${loadaddr} boot.scr && '
                        'source ${loadaddr}; echo NOTHING TO BOOT', preboot=None, gw_reset='no')
    FILES = dict(SELF, bootcmd="setenv gw_get 'host load hostfs - ${gw_zip} gw/${gw_file}'; "
                               'host load hostfs - ${loadaddr} boot.scr && source ${loadaddr}; echo NOTHING TO BOOT')

    def stick(self, board, mib=64, window='1M', source=None):
        with (board.folder / 'stick.img').open('wb') as f:
            f.truncate(mib * MIB)
        gangway('stick', '--window', window, source or self.image, board.folder / 'stick.img')
        return board

    def assert_holds_the_image(self, board):
        gangway('verify', self.image, board.emmc)

    def test_it_programs_a_blank_board_with_a_window_much_smaller_than_the_image(self):
        board = self.stick(self.board(**self.SELF))
        board.power().expect('on-board programming: pass')
        board.pull()
        self.assert_holds_the_image(board)
        # And the board boots it.
        board.set_env(bootcmd='load mmc 0:1 ${loadaddr} boot.scr && source ${loadaddr}')
        board.power().booted('new')

    def test_other_programs_read_the_stick_too(self):
        board = self.stick(self.board())
        part = board.folder / 'part.img'
        part.write_bytes((board.folder / 'stick.img').read_bytes()[MIB:])
        checked = subprocess.run(['fsck.vfat', '-n', '-v', part], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        names = subprocess.run(['mdir', '-b', '-i', part, '::gw'], check=True, capture_output=True, text=True).stdout.split()
        self.assertIn('::/gw/00000000.gz', names)
        first = subprocess.run(['mtype', '-i', part, '::gw/00000000.gz'], check=True, capture_output=True).stdout
        self.assertEqual(gzip.decompress(first)[:512], self.image.read_bytes()[MIB:MIB + 512])
        self.assertIn('type=c, bootable', subprocess.run(['sfdisk', '-d', board.folder / 'stick.img'], check=True,
                                                         capture_output=True, text=True).stdout)

    def test_its_script_is_one_that_mkimage_and_old_parsers_take(self):
        (self.folder / 'made').mkdir()
        gangway('stick', '--window', '1M', self.image, self.folder / 'made')
        script = self.folder / 'made/boot.scr'
        self.assertIn('Script', subprocess.run([UBOOT / 'mkimage', '-l', script], check=True, capture_output=True, text=True).stdout)
        assert_old_hush(self, script.read_bytes()[72:].decode())

    def test_a_board_that_holds_something_is_left_alone(self):
        board = self.stick(self.board(self.old, **self.SELF))
        before = board.emmc.read_bytes()
        self.assertIn('left alone', board.power().expect('on-board programming: fail'))
        board.pull()
        self.assertEqual(board.emmc.read_bytes(), before)

    def test_unless_it_is_forced_and_then_no_old_table_survives(self):
        board = self.board(gw_force='yes', **self.SELF)
        image.put(self.old, board.emmc)
        tail = self.old.read_bytes()[-33 * 512:]
        with board.emmc.open('r+b') as f:  # the old image's backup table on the last blocks, as `sgdisk -e` leaves it
            f.seek(64 * MIB - len(tail))
            f.write(tail)
        self.stick(board).power().expect('on-board programming: pass')
        board.pull()
        self.assert_holds_the_image(board)
        self.assertEqual(board.emmc.read_bytes()[-512:], bytes(512))

    def test_a_board_that_is_too_small_is_not_touched(self):
        board = self.stick(self.board(emmc_mib=16, **self.SELF))
        self.assertIn('too-small', board.power().expect('on-board programming: fail'))
        board.pull()
        self.assertEqual(board.emmc.read_bytes().count(0), 16 * MIB)

    def test_the_files_may_come_by_another_command(self):
        # Another gw_get: here the sandbox's own way to the host's folder (test_network.py has TFTP and HTTP).
        board = self.board(**self.FILES)
        gangway('stick', '--window', '2M', self.image, board.folder)
        board.power().expect('on-board programming: pass')
        board.pull()
        self.assert_holds_the_image(board)

    def damaged(self, damage):
        board = self.board(**self.FILES)
        gangway('stick', '--window', '1M', self.image, board.folder)
        damage(sorted((board.folder / 'gw').iterdir()))
        text = board.power().expect('on-board programming: (?=fail)')
        board.pull()
        self.assertEqual(board.emmc.read_bytes()[:1024], bytes(1024))
        return text

    def test_a_damaged_missing_or_exchanged_window_fails_and_nothing_boots(self):
        def flip(files):
            data = bytearray(files[6].read_bytes())
            data[len(data) // 2] ^= 1
            files[6].write_bytes(data)

        def exchange(files):
            shutil.copy(files[6], files[7])

        for name, damage in (('flipped', flip), ('exchanged', exchange), ('missing', lambda files: files[6].unlink()),
                             ('last missing', lambda files: files[-1].unlink())):
            with self.subTest(name):
                self.damaged(damage)

    def test_a_power_cut_at_any_step_leaves_nothing_that_boots_and_the_next_run_heals_it(self):
        board = self.board(**self.FILES)
        gangway('stick', '--window', '4M', self.image, board.folder)
        files = sorted(f.name for f in (board.folder / 'gw').iterdir())
        for cut in files:
            board.set_env(bootcmd="setenv gw_get 'if test ${gw_file} = " + cut + "; then echo CUT-; echo HERE; env ask gw_wait; fi; "
                          "host load hostfs - ${gw_zip} gw/${gw_file}'; "
                          'host load hostfs - ${loadaddr} boot.scr && source ${loadaddr}')
            board.power().expect('HERE\n')
            board.pull()
            self.assertEqual(board.emmc.read_bytes()[:1024], bytes(1024), cut)
        board.set_env(bootcmd=self.FILES['bootcmd'])
        board.power().expect('on-board programming: pass')
        board.pull()
        self.assert_holds_the_image(board)

    def test_a_stick_that_is_too_small_says_so_and_is_no_disk_any_more(self):
        small = self.folder / 'small.img'
        big = image.make(self.folder / 'big.img', 'big', mib=80, body_mib=60)
        with small.open('wb') as f:
            f.truncate(48 * MIB)
        self.assertIn('full', gangway('stick', big, small, code=1).stderr)
        self.assertEqual(small.read_bytes()[:512], bytes(512))
        with small.open('wb') as f:
            f.truncate(8 * MIB)
        self.assertIn('smaller than', gangway('stick', big, small, code=1).stderr)

    def test_usage_errors_exit_with_2(self):
        gangway('stick', self.image, code=2)
        gangway('stick', '--window', '5', self.image, self.folder, code=2)
        gangway('image', 'script', code=2)
        gangway('image', 'script', '--window', '1G', self.image, code=2)

class OnTarget(Case):
    SECTOR = 64

    def ask(self, board, *options):
        line = gangway('on-target', 'ask', '--sector', self.SECTOR, '--json', *options, self.image, board.emmc).stdout
        result = json.loads(line)
        self.assertEqual((result['result'], result['verify_method']), ('unverified', 'none'))
        return result['nonce']

    def commit(self, board, nonce, code=0):
        line = gangway('on-target', 'commit', '--sector', self.SECTOR, '--json', self.image, f'{board.emmc}={nonce}', code=code).stdout
        return json.loads(line)

    def board_at_the_station(self, holds=None, **kwargs):
        board = self.board(holds, gw_sector=f'{self.SECTOR:x}', **kwargs)
        board.power().in_station()
        return board

    def assert_does_not_boot(self, board):
        self.assertEqual(board.emmc.read_bytes()[:1024], bytes(1024))

    def test_a_board_that_reads_the_right_bytes_passes_and_boots(self):
        board = self.board_at_the_station()
        nonce = self.ask(board)
        self.assert_does_not_boot(board)
        board.eject()
        self.assertIn('on-target verify: pass', board.in_station())
        result = self.commit(board, nonce)
        self.assertEqual((result['result'], result['verify_method']), ('pass', 'on-target'))
        board.eject()
        board.booted('new')
        board.pull()
        gangway('verify', self.image, board.emmc)

    def test_a_power_cycle_serves_as_well_as_an_eject(self):
        board = self.board_at_the_station()
        nonce = self.ask(board)
        self.assertIn('on-target verify: pass', board.power().in_station())
        self.assertEqual(self.commit(board, nonce)['result'], 'pass')
        board.power().booted('new')

    def test_a_power_cut_while_the_board_reads_makes_it_read_again(self):
        board = self.board_at_the_station()
        # So many lines that the console's pipe is full, and the board waits, long before it has read all.
        nonce = self.ask(board, '--window', '4K')
        for _ in range(2):
            board.power().expect('MMC read: dev # 0, block # 2048,')
            board.pull()
        self.assertIn('on-target verify: pass', board.power().in_station())
        self.assertIn('windows', self.commit(board, nonce, code=1)['error'])  # not the window it was asked with
        line = gangway('on-target', 'commit', '--sector', self.SECTOR, '--window', '4K', self.image, f'{board.emmc}={nonce}').stdout
        self.assertIn('pass', line)

    def test_a_request_that_takes_the_board_down_is_begun_three_times_and_no_more(self):
        board = self.board_at_the_station()
        nonce = self.ask(board, '--window', '4K')
        for _ in range(3):
            board.power().expect('MMC read: dev # 0, block # 2048,')
            board.pull()
        text = board.power().in_station()
        self.assertIn('begun 3 times', text)
        self.assertNotIn('on-target verify', text)
        board.eject()
        self.assertIn('nothing was programmed', board.prompt())  # and it does not start over
        board.pull()
        result = self.commit(board, nonce, code=1)
        self.assertEqual(result['code'], 'no-answer')
        self.assertIn('0x3 times', result['error'])
        self.assert_does_not_boot(board)

    def test_a_request_that_is_answered_does_not_lead_back_to_the_host(self):
        board = self.board_at_the_station()
        self.ask(board)
        board.eject()
        self.assertIn('on-target verify: pass', board.in_station())
        board.eject()
        self.assertIn('nothing was programmed', board.prompt())
        self.assert_does_not_boot(board)

    def test_a_rework_of_a_good_board_goes_the_same_way(self):
        board = self.board_at_the_station(self.old, station='1')
        nonce = self.ask(board)
        board.eject()
        board.in_station()
        self.assertEqual(self.commit(board, nonce)['result'], 'pass')
        board.eject()
        board.booted('new')

    def test_a_flipped_bit_fails_that_board_which_does_not_boot(self):
        board = self.board_at_the_station()
        nonce = self.ask(board)
        with board.emmc.open('r+b') as f:
            f.seek(7 * MIB)
            byte = f.read(1)
            f.seek(7 * MIB)
            f.write(bytes([byte[0] ^ 4]))
        board.eject()
        self.assertIn('on-target verify: fail', board.in_station())
        result = self.commit(board, nonce, code=1)
        self.assertEqual((result['result'], result['code']), ('fail', 'verify-mismatch'))
        self.assert_does_not_boot(board)

    def test_no_answer_or_anothers_answer_is_no_pass(self):
        board = self.board_at_the_station()
        old_nonce = self.ask(board)
        # Before the board has answered.
        self.assertIn('no summary', self.commit(board, old_nonce, code=1)['error'])
        board.eject()
        board.in_station()
        # With another attempt's nonce.
        self.assertIn('another request', self.commit(board, '0' * 32, code=1)['error'])
        # After the place was asked again: the old answer is gone with the old request.
        new_nonce = self.ask(board)
        self.assertNotEqual(new_nonce, old_nonce)
        self.assertIn('no summary', self.commit(board, new_nonce, code=1)['error'])
        self.assert_does_not_boot(board)
        # And the board answers the new one.
        board.eject()
        board.in_station()
        self.assertEqual(self.commit(board, new_nonce)['result'], 'pass')

    def test_an_answer_put_back_from_an_earlier_attempt_is_no_pass(self):
        board = self.board_at_the_station()
        self.ask(board)
        board.eject()
        board.in_station()
        with board.emmc.open('r+b') as f:
            f.seek((self.SECTOR + 1) * 512)
            earlier = f.read(512)
        nonce = self.ask(board)
        with board.emmc.open('r+b') as f:
            f.seek((self.SECTOR + 1) * 512)
            f.write(earlier)
        self.assertIn('another request', self.commit(board, nonce, code=1)['error'])

    def test_a_damaged_script_is_not_run(self):
        board = self.board_at_the_station()
        nonce = self.ask(board)
        with board.emmc.open('r+b') as f:
            f.seek((self.SECTOR + 2) * 512 + 700)
            f.write(b'x')
        board.eject()
        text = board.in_station()
        self.assertIn('damaged: not run', text)
        self.assertNotIn('on-target verify', text)
        self.assertIn('no summary', self.commit(board, nonce, code=1)['error'])

    def test_a_board_with_a_table_runs_nothing_from_its_emmc(self):
        asked = self.board_at_the_station()
        self.ask(asked)
        board = self.board(self.old, gw_sector=f'{self.SECTOR:x}')
        with asked.emmc.open('rb') as f, board.emmc.open('r+b') as g:
            f.seek(self.SECTOR * 512)
            g.seek(self.SECTOR * 512)
            g.write(f.read(64 * 512))
        self.assertNotIn('on-target', board.power().booted('old'))
        board.set_env(station='1')
        self.assertNotIn('on-target', board.power().in_station())

    def test_what_was_asked_is_not_erased(self):
        board = self.board_at_the_station(gw_erase='yes')
        nonce = self.ask(board)
        board.eject()
        self.assertNotIn('erasing', board.in_station())
        self.assertEqual(self.commit(board, nonce)['result'], 'pass')

    def test_after_the_commit_nothing_of_the_request_is_left(self):
        board = self.board_at_the_station()
        nonce = self.ask(board)
        board.eject()
        board.in_station()
        self.commit(board, nonce)
        with board.emmc.open('rb') as f:
            f.seek(self.SECTOR * 512)
            self.assertEqual(f.read(64 * 512), bytes(64 * 512))

    def test_a_place_that_the_image_uses_is_refused_before_a_byte_is_written(self):
        board = self.board()
        for sector, word in (0, 'partition table'), (33, 'partition table'), (5 * MIB // 512, 'the image itself'):
            error = gangway('on-target', 'ask', '--sector', sector, self.image, board.emmc, code=1).stderr
            self.assertIn(word, error)
        self.assertEqual(board.emmc.read_bytes().count(0), 64 * MIB)

    def test_a_damaged_store_is_found_and_healed_before_it_vouches_for_boards(self):
        gangway('image', 'script', '-o', self.folder / 'first.scr', self.image)
        entries = list(pathlib.Path(os.environ['GANGWAY_STORE']).glob('entries/*/data'))
        for data in entries:
            data.chmod(0o600)
            with data.open('r+b') as f:
                f.seek(6 * MIB)
                f.write(b'not what was imported')
        result = gangway('image', 'script', '-o', self.folder / 'second.scr', self.image)
        self.assertIn('importing it again', result.stderr)
        self.assertEqual((self.folder / 'first.scr').read_bytes(), (self.folder / 'second.scr').read_bytes())


if __name__ == '__main__':
    unittest.main()

# SPDX-License-Identifier: MIT
"""Boards that program themselves over a network, with the lines that uboot/README.md gives."""
import fcntl, pathlib, re, shutil, tempfile

from network import SERVER, Network
from sandbox import MIB, SRC
from test_image_script import Case, gangway


def readme_lines(name):
    """The settings that the README's `<!-- network: NAME -->` block names."""
    text = (SRC / 'uboot/README.md').read_text()
    block = re.search(rf'<!-- network: {name} -->\n```\n(.*?)```', text, re.S).group(1)
    return dict(line.split('=', 1) for line in block.splitlines())


class OverTheNetwork(Case):
    def setUp(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        self.network = Network(pathlib.Path(folder))
        self.addCleanup(self.network.close)
        self.offer('2M')

    def offer(self, window):
        gangway('stick', '--window', window, self.image, self.network.served)
        for file in self.network.served.rglob('*.*'):  # see the README's version traps
            self.assertEqual(file.stat().st_size % 2, 0, file)

    def blank_board(self, **env):
        # The sandbox does not take the server's address from DHCP's answer (BOOTP_SERVERIP). A server that is there may be slow.
        return self.board(program=self.network.board_program(), **{'serverip': SERVER, 'tftptimeout': '1000', 'tftptimeoutcountmax': '60',
                          'bootpretryperiod': '60000', **readme_lines('tftp'), **env})

    def assert_programs_itself(self, board):
        board.power().expect('on-board programming: pass')
        board.booted('new')
        board.pull()
        gangway('verify', self.image, board.emmc)

    def test_a_blank_board_fetches_its_image_by_dhcp_and_tftp_and_boots_it(self):
        self.network.serve_tftp()
        self.assert_programs_itself(self.blank_board())

    def test_or_by_http(self):
        self.network.serve_tftp()
        self.network.serve_http()
        self.assert_programs_itself(self.blank_board(**readme_lines('http')))

    def test_a_server_that_dies_in_the_middle_leaves_a_board_that_waits_for_the_station(self):
        shutil.rmtree(self.network.served)
        self.network.served.mkdir()
        self.offer('64K')  # some hundred files: a board whose console is not read stops long before the last
        server = self.network.serve_tftp()
        board = self.blank_board(tftptimeoutcountmax='2')  # a short wait for one that is gone
        fcntl.fcntl(board.power().process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        board.expect('Bytes transferred')
        board.expect('Bytes transferred')
        server.kill()
        board.expect('on-board programming: (?=fail)')
        board.in_station()
        board.pull()
        self.assertEqual(board.emmc.read_bytes()[:1024], bytes(1024))

    def test_without_a_server_the_board_waits_for_the_station(self):
        board = self.blank_board(bootpretryperiod='3000')
        board.power().in_station()
        board.pull()
        self.assertEqual(board.emmc.read_bytes().count(0), 64 * MIB)

# SPDX-License-Identifier: MIT
"""A new user's walk: the commands of uboot/README.md, as they stand there, from a defconfig to a booted image.

What the sandbox cannot have is said in `myboard`: no UDC (so no udc fragment, and gw_ums waits at the console while
`gangway write` works on the eMMC's file), and where its NOR is.
"""
import os, pathlib, re, shutil, subprocess, tempfile, unittest

import image
from sandbox import SRC, UBOOT, Board

FOLDER = UBOOT.parent
GANGWAY = pathlib.Path(os.environ['GANGWAY'])


def block(name):
    """The commands behind `<!-- walk: NAME -->`."""
    text = (SRC / 'uboot/README.md').read_text()
    return re.search(r'<!-- walk: ' + name + r' -->\n```\w*\n(.*?)```', text, re.S).group(1)


class Walk(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.src, self.out = FOLDER / 'src', FOLDER / 'walk'
        self.board_env = self.src / 'board/sandbox/walk.env'
        tools = self.folder / 'bin'
        tools.mkdir()
        for name, target in (('gangway', GANGWAY), ('mkimage', UBOOT / 'mkimage'), ('eject', '/bin/true')):
            (tools / name).symlink_to(target)
        myboard = self.folder / 'myboard.config'
        myboard.write_text((SRC / 'tests/uboot/sandbox.config').read_text() + 'CONFIG_ENV_SOURCE_FILE="walk"\n')
        self.env = {**os.environ, 'PATH': f'{tools}:{os.environ["PATH"]}', 'GANGWAY': str(SRC), 'BOARD': 'sandbox', 'UDC': 'ums',
                    'MYBOARD': str(myboard), 'BOARD_ENV': str(self.board_env), 'KBUILD_OUTPUT': str(self.out), 'NO_SDL': '1',
                    'GANGWAY_STORE': str(self.folder / 'store')}

    def sh(self, commands, cwd, **env):
        result = subprocess.run(['bash', '-euo', 'pipefail', '-c', commands], cwd=cwd, env={**self.env, **env}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(result.returncode, 0, f'{commands}\n{result.stdout[-3000:]}')
        return result.stdout

    def test_from_a_defconfig_to_a_booted_image_by_the_readme_alone(self):
        # The objects that the sandbox of the other tests has already: only time is saved.
        shutil.rmtree(self.out, ignore_errors=True)
        self.sh(f'cp -a {FOLDER}/sandbox {self.out}', self.src)
        self.board_env.write_text('#include <../board/sandbox/sandbox.env>\n')
        self.addCleanup(self.board_env.unlink)

        self.sh(block('configure'), self.src)
        self.sh(block('environment'), self.src)
        with self.board_env.open('a') as f:  # below that line: what differs on this board
            f.write('gw_off=180000\ngw_ums=env ask gw_wait UMS-WAITS\n')
        # boot.scr is made beside U-Boot's source; all else is in KBUILD_OUTPUT.
        self.addCleanup((self.src / 'boot.scr').unlink, missing_ok=True)
        self.sh(block('build'), self.src)

        board = Board(self.folder / 'board', program=self.out / 'u-boot', blank=True)
        self.addCleanup(board.pull)
        self.assertIn('no start script', board.power().expect('NOTHING TO BOOT'))
        board.expect('=> ')
        shutil.copy(self.src / 'boot.scr', board.folder)
        self.assertEqual(board.run('host load hostfs - ${loadaddr} boot.scr')[0], 0)
        self.assertEqual(board.run(block('nor').strip())[0], 0)

        self.assertIn('station (blank)', board.power().in_station())
        picture = image.make(self.folder / 'product.wic', 'product')
        self.sh('gangway bmap create -o product.wic.bmap product.wic && xz -T0 -1 product.wic', self.folder)
        text = self.sh(block('write'), self.folder, IMAGE=f'{picture}.xz', DISK=str(board.emmc))
        self.assertIn('PASS', text)
        board.eject()
        self.assertIn('programmed', board.expect('resetting'))
        board.booted('product')
        board.power().booted('product')


if __name__ == '__main__':
    unittest.main()

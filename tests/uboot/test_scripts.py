# SPDX-License-Identifier: MIT
"""The scripts and fragments themselves: what old U-Boots take, and that a dropped symbol is noticed."""
import os, pathlib, re, subprocess, tempfile, unittest

from sandbox import SRC, UBOOT, Board

FRAGMENTS = SRC / 'uboot'


def assert_old_hush(case, text):
    """Nothing in a script that the old parser takes for something else, inside of what it sets and runs either."""
    code = '\n'.join(line for line in text.splitlines() if not line.lstrip().startswith('#'))
    code = re.sub(r'echo "[^"]*"', 'echo x', code)
    for word in r'\belif\b', r'\$\(', r'`', r'\bfunction\b', r'\(\)', r'\[\[', r'\bcase\b', r'>', r'<', r'\bexit\b':
        case.assertIsNone(re.search(word, code), word)
    # `a && b || c` skips c when a fails (run_list_real() skips the rest of the list).
    for part in re.split(r"[;\n']|\bthen\b|\belse\b|\bdo\b", code):
        case.assertFalse('&&' in part and '||' in part, part)
    # CONFIG_SYS_MAXARGS is 16 on small boards, and a word too many ends the line.
    for line in code.splitlines():
        for command in re.split(r';|&&|\|\|', re.sub(r"'[^']*'|\"[^\"]*\"", 'x', line)):
            case.assertLessEqual(len(command.split()), 15, line)


class Scripts(unittest.TestCase):
    def test_mkimage_accepts_the_start_script(self):
        listed = subprocess.run([UBOOT / 'mkimage', '-l', UBOOT / 'station.scr'], check=True, capture_output=True, text=True).stdout
        self.assertIn('Script', listed)

    def test_it_fits_the_place_that_station_env_gives_it(self):
        room = re.search(r'^gw_len=([0-9a-f]+)$', (FRAGMENTS / 'station.env').read_text(), re.M).group(1)
        self.assertLess((UBOOT / 'station.scr').stat().st_size, int(room, 16))

    def test_it_keeps_to_what_the_old_hush_parser_knows(self):
        assert_old_hush(self, (FRAGMENTS / 'station.cmd').read_text())

    def test_every_command_of_it_is_in_the_fragments(self):
        # What the parser itself brings, and what needs no symbol of its own.
        builtin = {'if', 'then', 'else', 'fi', 'for', 'do', 'done', 'while', 'in', 'true', 'test', 'echo', 'setenv', 'env', 'run', 'reset'}
        symbol = {'mmc': 'CMD_MMC', 'part': 'CMD_PART', 'gpio': 'CMD_GPIO_READ', 'button': 'CMD_BUTTON', 'setexpr': 'CMD_SETEXPR',
                  'itest': 'CMD_ITEST', 'hash': 'HASH_VERIFY', 'source': 'CMD_SOURCE', 'mw.b': 'CMD_MEMORY'}
        have = ''.join(f.read_text() for f in FRAGMENTS.glob('*.config'))
        code = '\n'.join(line for line in (FRAGMENTS / 'station.cmd').read_text().splitlines() if not line.lstrip().startswith('#'))
        code = re.sub(r'"[^"]*"', 'x', code).replace("'", ';')
        words = {w for part in re.split(r'[;\n]|&&|\|\||\bthen\b|\belse\b|\bif\b|\bdo\b|\bwhile\b', code) for w in part.split()[:1]}
        for word in words - builtin:
            self.assertIn(word, symbol)
            self.assertIn(f'CONFIG_{symbol[word]}=y', have)


class Fragments(unittest.TestCase):
    def check(self, config):
        with tempfile.NamedTemporaryFile('w', suffix='.config') as f:
            f.write(config)
            f.flush()
            return subprocess.run([FRAGMENTS / 'check-config', f.name, FRAGMENTS / 'ums.config'], capture_output=True, text=True)

    def test_a_symbol_that_was_dropped_is_named(self):
        whole = (FRAGMENTS / 'ums.config').read_text()
        self.assertEqual(self.check(whole).returncode, 0)
        result = self.check(whole.replace('CONFIG_CMD_USB_MASS_STORAGE=y', '# CONFIG_CMD_USB_MASS_STORAGE is not set'))
        self.assertEqual(result.returncode, 1)
        self.assertIn('CONFIG_CMD_USB_MASS_STORAGE', result.stderr)

    def test_a_symbol_with_another_value_is_named(self):
        result = self.check((FRAGMENTS / 'ums.config').read_text().replace('run gw_start', 'usb start'))
        self.assertEqual(result.returncode, 1)
        self.assertIn('got CONFIG_PREBOOT="usb start"', result.stderr)

    def test_there_is_one_for_every_udc_family(self):
        for family in 'ci_udc', 'dwc2', 'dwc3', 'musb', 'cdns3':
            self.assertTrue((FRAGMENTS / f'udc-{family}.config').is_file(), family)

class Yocto(unittest.TestCase):
    def run_task(self, folder, files, code='exit 0'):
        """do_gangway's shell as BitBake would run it, with a gangway that notes what it is asked."""
        text = (FRAGMENTS / 'yocto/gangway.bbclass').read_text()
        body = re.search(r'^do_gangway\(\) \{\n(.*?)^\}', text, re.S | re.M).group(1)
        stub = folder / 'gangway'
        stub.write_text(f'#!/bin/sh\necho "$@" >>{folder}/asked\n{code}\n')
        stub.chmod(0o755)
        for name in files:
            (folder / name).touch()
        for name, value in {'DEPLOY_DIR_IMAGE': folder, 'IMAGE_LINK_NAME': 'product', 'GANGWAY': stub, 'GANGWAY_STATE': '/state',
                            'GANGWAY_IMAGE_NAME': 'product-1'}.items():
            body = body.replace('${' + name + '}', str(value))
        self.assertNotIn('${', body)
        script = 'bbfatal() { echo "$@"; exit 1; }\n' + body
        return subprocess.run(['sh', '-eu', '-c', script], capture_output=True, text=True)

    def test_the_task_hands_image_and_bmap_over(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            self.assertEqual(self.run_task(folder, ['product.wic.xz', 'product.wic.bmap']).returncode, 0)
            self.assertEqual((folder / 'asked').read_text().splitlines(), [
                f'bmap check {name}/product.wic.bmap {name}/product.wic.xz',
                f'image add --state /state --name product-1 --bmap {name}/product.wic.bmap {name}/product.wic.xz'])

    def test_it_fails_without_the_bmap_and_when_the_station_refuses(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            self.assertIn('is not there', self.run_task(folder, ['product.wic.xz']).stdout)
            result = self.run_task(folder, ['product.wic.bmap'], code='[ "$1" != image ]')
            self.assertEqual(result.returncode, 1)
            self.assertIn('did not take', result.stdout)


if __name__ == '__main__':
    unittest.main()

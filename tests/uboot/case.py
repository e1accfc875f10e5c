# SPDX-License-Identifier: MIT
"""What tests of a board begin with: an old and a new image, made once, and boards that hold one of them or nothing."""
import pathlib, tempfile, unittest

import image
from sandbox import Board


class BoardCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        cls.old = image.make(cls.folder / 'old.img', 'old')
        cls.new = image.make(cls.folder / 'new.img', 'new')

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def board(self, holds=None, commit=True, **kwargs):
        board = Board(tempfile.mkdtemp(dir=self.folder), **kwargs)
        self.addCleanup(board.pull)
        if holds:
            image.put(holds, board.emmc, commit)
        return board

#!/usr/bin/env python3
"""A tree of files that a check is tried on."""
import pathlib
import tempfile
import unittest


class Tree(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)
        self.write("server/store/pg.cc", "#include <pqxx/pqxx>\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

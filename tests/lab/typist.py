#!/usr/bin/env python3
"""A person who types at a terminal, for examples.py."""
import os
import pty
import re
import select
import sys
import time

LIMIT_S = 180


def fail(text):
    sys.exit(f'examples.py: {text}')


class Typist:
    """A person at a terminal, who says yes and knows some secrets."""

    def __init__(self, command, secrets=(), until=None):
        self.command, self.secrets, self.until = command, list(secrets), until
        self.output, self.answered = '', 0

    def run(self):
        """The exit code."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv('/bin/bash', ['bash', '-c', self.command])
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                data = os.read(terminal, 65536)
            except OSError:
                data = b''
            if not data:
                os.close(terminal)
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            self.output += data.decode(errors='replace')
            self.answer(terminal)
        os.kill(pid, 9)
        fail(f'"{self.command}" does not end: {self.output}')

    def answer(self, terminal):
        new = self.output[self.answered:]
        if new.endswith('[y/N] '):
            reply = 'y\n'
        elif self.secrets and re.search(r'([Pp]assword|secret)[^\n]*: $', new):
            reply = self.secrets.pop(0) + '\n'
        elif self.until and self.until in new:
            reply = '\x03'
        else:
            return
        self.answered = len(self.output)
        os.write(terminal, reply.encode())

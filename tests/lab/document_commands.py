#!/usr/bin/env python3
"""The commands of dmgrctl that the documents show: in blocks of "console" and "sh", and between backticks.

  document_commands.py      prints them
"""
import pathlib
import re

DOCUMENTS = pathlib.Path(__file__).resolve().parents[2] / 'deploy/docs'
TYPED = re.compile(r'(?:\$ )?(dmgrctl .*?)(?: +#.*)?$')
QUOTED = re.compile(r'`(dmgrctl [^`]*)`')


def plain(command):
    """Without what spares a question: a person at a terminal says yes."""
    return re.sub(r' --yes\b', '', command)


def commands_of(text):
    fence = None
    for line in text.splitlines():
        if line.lstrip().startswith('```'):
            fence = line.strip('` ') if fence is None else None
        elif fence is None:
            yield from QUOTED.findall(line)
        elif fence in ('console', 'sh') and (typed := TYPED.match(line.strip())):
            yield typed.group(1)


def shown():
    """Each command, with the documents that show it."""
    found = {}
    for page in sorted(DOCUMENTS.rglob('*.md')):
        for command in commands_of(page.read_text()):
            found.setdefault(plain(command), set()).add(page.relative_to(DOCUMENTS).as_posix())
    return found


if __name__ == '__main__':
    print(*shown(), sep='\n')

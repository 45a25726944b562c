#!/usr/bin/env python3
"""Fails when an error's reason is not in enum ErrorReason, or comes with two codes.

  reasons.py [ROOT]
"""
import collections
import pathlib
import re
import sys

PROTO = "proto/dmgr/v1/errors.proto"
# dmgrctl's own errors never cross the API.
ROOTS = ("server", "common")
# The far end speaks of failures by a protocol of its own.
SKIPPED = "server/host/far/"
# Their code is the system's.
VARYING = {"FILE_UNREADABLE", "FILE_UNWRITABLE"}
MAKES = re.compile(r'Error\(\s*(?:absl::)?StatusCode::k(\w+),\s*"(\w+)"')
COMMENT = re.compile(r"//[^\n]*")


def reasons_of(root):
    text = (root / PROTO).read_text()
    return set(re.findall(r"^\s*ERROR_REASON_(\w+) = \d+;", text, re.M)) - {"UNSPECIFIED"}


def check(root):
    known = reasons_of(root)
    problems, codes = [], collections.defaultdict(dict)
    for top in ROOTS:
        for path in sorted((root / top).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix not in (".cc", ".h") or name.startswith(SKIPPED):
                continue
            text = COMMENT.sub("", path.read_text(errors="replace"))
            for code, reason in MAKES.findall(text):
                codes[reason].setdefault(code, name)
    for reason, by_code in sorted(codes.items()):
        if reason not in known:
            problems.append(f"{next(iter(by_code.values()))}: {reason} is not in {PROTO}")
        if len(by_code) > 1 and reason not in VARYING:
            where = ", ".join(f"k{code} in {name}" for code, name in sorted(by_code.items()))
            problems.append(f"{reason} comes with several codes: {where}")
    return problems


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    problems = check(root.resolve())
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

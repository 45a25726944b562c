#!/usr/bin/env python3
"""The programs that are built are hardened, as far as their ELF files tell.

  binaries.py [FOLDER]        one with dmgrd, dmgrctl and dmgr-host; default: build/bin

What is not built is not looked at: `tests/run.sh checks` builds nothing.
"""
import pathlib
import re
import subprocess
import sys

PROGRAMS = ("dmgrd", "dmgrctl", "dmgr-host")


def readelf(path, *options):
    return subprocess.run(["readelf", "--wide", *options, str(path)], check=True,
                          capture_output=True, text=True).stdout


def check(path):
    """What is missing, a line each."""
    headers = readelf(path, "--file-header", "--program-headers")
    dynamic = readelf(path, "--dynamic")
    problems = []

    def expect(found, what):
        if not found:
            problems.append(f"{path}: {what}")

    expect(re.search(r"Type:\s+DYN", headers), "no PIE: it is always at the same addresses")
    expect("GNU_RELRO" in headers, "no -z relro")
    expect(re.search(r"BIND_NOW|FLAGS_1.*\bNOW\b", dynamic), "no -z now: its jump table is writable")
    expect(re.search(r"GNU_STACK\s.*\bRW\s", headers), "its stack is executable")
    expect(not re.search(r"LOAD\s.*\bRWE\b", headers), "a segment can be written and executed")
    expect("RPATH" not in dynamic and "RUNPATH" not in dynamic,
           "it loads libraries from a folder of its build")
    if "INTERP" in headers:  # A static program is without symbols.
        symbols = readelf(path, "--dyn-syms")
        expect("__stack_chk_fail" in symbols, "no -fstack-protector-strong")
        expect(re.search(r"__\w+_chk@", symbols.replace("__stack_chk_fail", "")),
               "no -D_FORTIFY_SOURCE=2")
    return problems


def main(arguments):
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    folder = pathlib.Path(arguments[0]) if arguments else root / "build" / "bin"
    built = [folder / name for name in PROGRAMS if (folder / name).is_file()]
    problems = [problem for path in built for problem in check(path)]
    print("\n".join(problems + [f"{len(built)} programs, {len(problems)} problems"]))
    return 1 if problems or (arguments and len(built) < len(PROGRAMS)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

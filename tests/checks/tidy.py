#!/usr/bin/env python3
"""clang-tidy, as .clang-tidy says, over the source files that changed, or over all.

  tidy.py [--all] [--seconds N] [FILE...]

What changed is what differs from where the branch left the main one (origin/main or main, or what
DMGR_BASE names), on the main branch itself what the last commit changed, and what is not committed.
Of a changed header its own .cc is looked at, else one file that includes it. After N seconds (200;
with --all or files there is no limit) no further file is begun, and the rest is said in a warning:
the checks are not all that a run of the tests has to do.

The last line is `N passed, N failed`; the exit status is 1 when a file has a finding.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Configured for clang: without gcc's precompiled headers, each file for itself.
BUILD = ROOT / "build" / "tidy"
TOPS = ("server", "client", "common", "templates", "tests")
SECONDS = 200
# A file that is begun in time is waited for; none takes longer but by a fault.
FILE_SECONDS = 300
# As many as the machine of the CI has cores.
AT_ONCE = 2
FINDING = re.compile(r"^(\S+:\d+:\d+): (warning|error): ", re.M)


def git(*arguments):
    """The lines that it prints; none when it fails."""
    ran = subprocess.run(["git", "-C", str(ROOT), *arguments], check=False, capture_output=True,
                         text=True)
    return ran.stdout.splitlines() if ran.returncode == 0 else []


def base_commit():
    """Where this branch begins; nothing when that is not known."""
    head = git("rev-parse", "HEAD")
    for name in (os.environ.get("DMGR_BASE", ""), "origin/main", "main"):
        base = git("merge-base", "HEAD", name) if name else []
        if base and base != head:
            return base[0]
    return (git("rev-parse", "--verify", "HEAD~1") or [""])[0]


def changed_files():
    base = base_commit()
    names = git("diff", "--name-only", "--diff-filter=d", base) if base else []
    names += git("ls-files", "--others", "--exclude-standard")
    return sorted(name for name in set(names)
                  if name.split("/")[0] in TOPS and name.endswith((".cc", ".h")))


def read_database():
    """The files that can be looked at, by their names below ROOT."""
    subprocess.run(["cmake", "--preset", "tidy"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    # Only what is made: headers that others include.
    subprocess.run(["ninja", "-C", str(BUILD), "dmgr_generated"], check=True,
                   stdout=subprocess.DEVNULL)
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    paths = (pathlib.Path(command["file"]) for command in commands)
    return {path.relative_to(ROOT).as_posix() for path in paths
            if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "build")}


def units_of(names, known):
    """The files to look at for these, each once."""
    units = []
    for name in names:
        if name.endswith(".h"):
            own = name[:-1] + "cc"
            users = [own] if own in known else [
                unit for unit in sorted(known)
                if f'#include "{name}"' in (ROOT / unit).read_text(errors="replace")]
            units += users[:1]
        elif name in known:
            units.append(name)
    return list(dict.fromkeys(units))


def check(unit):
    """What clang-tidy finds in a file; nothing when all is well."""
    try:
        ran = subprocess.run(
            ["nice", "-n", "10", "clang-tidy", "-p", str(BUILD), "--quiet", "--extra-arg=-w", unit],
            cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=FILE_SECONDS)
    except subprocess.TimeoutExpired:
        return f"clang-tidy takes more than {FILE_SECONDS} s for it"
    if ran.returncode == 0:
        return ""
    begin = FINDING.search(ran.stdout)
    return ran.stdout[begin.start() if begin else 0:].replace(f"{ROOT}/", "")


def check_all(units, seconds):
    """Numbers of files without and with findings, and the files for which there was no time."""
    end = time.monotonic() + seconds
    passed, failed, rest, said = 0, 0, [], set()

    def in_time(unit):
        return check(unit) if time.monotonic() < end else None

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as workers:
        for unit, text in zip(units, workers.map(in_time, units)):
            if text is None:
                rest.append(unit)
                continue
            passed, failed = passed + (not text), failed + bool(text)
            # What is wrong in a header is found with each file that includes it.
            if text and text not in said:
                print(f"{unit}:\n{text.rstrip()}", flush=True)
                said.add(text)
    return passed, failed, rest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    whole = arguments.all or arguments.files
    names = arguments.files or ([] if arguments.all else changed_files())
    if not whole and not names:
        print("0 passed, 0 failed")
        return 0
    known = read_database()
    units = sorted(known) if arguments.all else units_of(names, known)
    seconds = arguments.seconds or (float("inf") if whole else SECONDS)
    passed, failed, rest = check_all(units, seconds)
    if rest:
        print(f"warning: no time for {len(rest)} of {len(units)} files; tests/run.sh tidy looks at "
              f"all: {' '.join(rest)}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

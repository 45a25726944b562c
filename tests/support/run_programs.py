#!/usr/bin/env python3
"""Runs the checks and the test programs, counts their cases and ends with `N passed, N failed`.

  run_programs.py LIST LOG_DIR [--checks DIR] [LABEL...]

LIST has a line "label program" for each Catch2 program. Every executable file of DIR is one test of
the label "checks". Without a label all are run. The output of each goes to LOG_DIR/NAME.log and is
shown when it fails. The exit status is 1 when a test failed, 2 for a label that nothing has.
"""
import argparse
import collections
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import lab_memory
import lab_watch

Program = collections.namedtuple("Program", "label path")

# Seconds that a program may take.
LIMITS = {"checks": 300, "unit": 300, "lab": 2400, "night": 2400, "fault": 1800,
          "migrations": 1200, "product": 2400}
OTHER_LIMIT = 900
# Between SIGTERM and SIGKILL.
GRACE = 20
# These have hosts of their own, for which they wait most of the time: the others go first.
LABS = {"lab", "night", "fault", "migrations", "product"}
AT_ONCE = 2
LABS_AT_ONCE = 3
# The longest: begun first, so that no one of them runs alone at the end.
LONGEST = ("runners_test", "rpc_test", "change_lab_test", "deploy_lab_test", "fault_test",
           "night_lab_test", "reasons_lab_test")
HEARTBEAT = 30
SHOWN_LINES = 300
# Of a failed assertion, at the end, where whoever sees little of the output still sees them.
SAID_LINES = 12

ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)$", re.M)
CASES = re.compile(r"^test cases: *\d+ *(\|.*)$", re.M)


def count_cases(output, status):
    """(passed, failed) of a Catch2 program's output and exit status."""
    passed = failed = 0
    summaries = CASES.findall(output)
    if matches := ALL_PASSED.findall(output):
        passed = int(matches[-1])
    elif summaries:
        for number, what in re.findall(r"\| *(\d+) (passed|failed as expected|failed)",
                                       summaries[-1]):
            if what == "failed":
                failed += int(number)
            else:
                passed += int(number)
    # It crashed, or ended early, or has nothing to run.
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1
    return passed, failed


def failed_assertions(output):
    """"CASE (FILE:LINE)" of each failed assertion in a Catch2 program's output, each once, and in
    lines of their own what Catch2 says of it first."""
    case, found = "", {}
    for line in re.finditer(r"^-{79}\n(.+)\n(?:.+\n)*?-{79}\n|^(\S+:\d+): FAILED:\n((?:.+\n)*)",
                            output, re.M):
        if line[1]:
            case = line[1]
        else:
            found.setdefault(f"{case} ({line[2]})", line[3].splitlines()[:SAID_LINES])
    return ["\n".join([what, *said]) for what, said in found.items()]


def turn(program):
    """Key by which programs are begun."""
    name = pathlib.Path(program.path).name
    return program.label in LABS, LONGEST.index(name) if name in LONGEST else len(LONGEST)


class Run:
    """One program under way."""

    def __init__(self, program, log_dir, limit=None):
        self.program = program
        self.name = pathlib.Path(program.path).name
        self.log = pathlib.Path(log_dir) / (self.name + ".log")
        self.limit = limit or LIMITS.get(program.label, OTHER_LIMIT)
        self.passed = self.failed = 0
        self.note = ""
        self.seconds = 0.0

    def start(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._began = time.monotonic()
        self._ended = self._told = False
        arguments = [] if self.program.label == "checks" else ["--use-colour", "no"]
        with open(self.log, "wb") as log:
            # A session of its own: what is left of it can be found and ended.
            self._process = subprocess.Popen([self.program.path, *arguments],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             start_new_session=True)

    def ended(self):
        """Whether it has ended and is counted; ends it when its time is over."""
        if self._ended:
            return True
        self.seconds = time.monotonic() - self._began
        if self.seconds > self.limit and not self._told:
            self._told = True
            self.note = f"not ready after {self.limit} s"
            self._process.terminate()
        if self.seconds > self.limit + GRACE:
            self._kill_group()
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self._process.pid, flags) is None:
            return False
        # Before its number is free for others.
        self._kill_group()
        self._finish(self._process.wait())
        return True

    def stop(self):
        """Ends it; it is not counted."""
        if self._ended:
            return
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        self._kill_group()
        self._process.wait()
        self._remove_labs()
        self._ended = True

    def output(self):
        return self.log.read_text(errors="replace")

    def _kill_group(self):
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def _finish(self, status):
        self._ended = True
        self._remove_labs()
        if self.program.label == "checks":
            self.passed, self.failed = (1, 0) if status == 0 else (0, 1)
        else:
            self.passed, self.failed = count_cases(self.output(), status)
        if self._told:
            self.failed = max(self.failed, 1)
        elif status < 0:
            self.note = f"ended by signal {-status}"
        elif self.passed + self.failed == 1 and self.failed:
            self.note = f"exit status {status}"

    def _remove_labs(self):
        """Labs are named after the process that made them. Its watcher removes them; if it is gone
        too, they are removed here."""
        state = pathlib.Path(os.environ.get("DMGR_LAB_STATE", "/var/lib/dmgr-lab"))
        pattern = re.compile(rf"[a-z]+{self._process.pid}$")
        deadline = time.monotonic() + 60
        while state.is_dir():
            labs = [path.name for path in state.iterdir() if pattern.match(path.name)]
            if not labs:
                return
            if time.monotonic() > deadline:
                for lab in labs:
                    subprocess.run([str(lab_memory.LAB_SCRIPT), "down", "--lab", lab], check=False)
                return
            time.sleep(0.2)


class Runner:
    def __init__(self, log_dir):
        self.log_dir = log_dir
        self.passed = self.failed = 0
        self.running = []
        self.failures = []
        self._last_line = time.monotonic()

    def say(self, text):
        print(text, flush=True)
        self._last_line = time.monotonic()

    def has_room_for(self, program):
        return len(self.running) < (LABS_AT_ONCE if program.label in LABS else AT_ONCE)

    def run(self, programs):
        waiting = collections.deque(programs)
        while waiting or self.running:
            while waiting and self.has_room_for(waiting[0]):
                run = Run(waiting.popleft(), self.log_dir)
                run.start()
                self.running.append(run)
            for run in [run for run in self.running if run.ended()]:
                self.running.remove(run)
                self.report(run)
            if self.running and time.monotonic() - self._last_line > HEARTBEAT:
                self.say("      " + ", ".join(f"{r.name}: {r.seconds:.0f} s" for r in self.running))
            time.sleep(0.05)

    def report(self, run):
        self.passed += run.passed
        self.failed += run.failed
        word = "FAIL" if run.failed else "ok"
        cases = f"{run.passed} passed" + (f", {run.failed} failed" if run.failed else "")
        self.say(f"{word:5} {run.program.label:7} {run.name:24} {cases:24} {run.seconds:6.1f} s"
                 + (f"  {run.note}" if run.note else ""))
        lines = run.output().splitlines()
        if run.failed:
            self.failures += [f"{run.name}: {what}" for what in failed_assertions(run.output())
                              or ["see its log"]]
            print(*("      " + line for line in lines[-SHOWN_LINES:]), sep="\n")
            self.say(f"      all of it: {run.log}")
        elif run.program.label == "checks":
            for line in lines:
                if line.startswith("warning:"):
                    self.say("      " + line)

    def stop(self):
        for run in self.running:
            run.stop()


def read_programs(list_file, checks):
    programs = []
    if checks:
        programs = [Program("checks", str(path)) for path in sorted(pathlib.Path(checks).glob("*"))
                    if path.is_file() and os.access(path, os.X_OK)]
    if os.path.exists(list_file):
        for line in pathlib.Path(list_file).read_text().splitlines():
            if line.strip():
                programs.append(Program(*line.split(maxsplit=1)))
    return programs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("list")
    parser.add_argument("log_dir")
    parser.add_argument("--checks")
    parser.add_argument("labels", nargs="*")
    arguments = parser.parse_intermixed_args()
    programs = read_programs(arguments.list, arguments.checks)
    known = {program.label for program in programs}
    if unknown := set(arguments.labels) - known:
        print(f"no test has the label {', '.join(sorted(unknown))}; there are: "
              + ", ".join(sorted(known)), file=sys.stderr)
        return 2
    chosen = [p for p in programs if not arguments.labels or p.label in arguments.labels]

    def end(number, _):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    runner = Runner(arguments.log_dir)
    has_labs = any(program.label in LABS for program in chosen)
    with ((lab_memory.labs_in_memory() if has_labs else contextlib.nullcontext("none")) as place,
          lab_watch.Watch() as watch):
        try:
            runner.run(sorted(chosen, key=turn))
        finally:
            runner.stop()
    if runner.failures:
        print("labs were", place)
    print(*watch.seen, sep="\n", end="\n" if watch.seen else "")
    for failure in runner.failures:
        print("failed:", failure)
    print(f"{runner.passed} passed, {runner.failed} failed")
    return 1 if runner.failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Sees, without asking them, which lab hosts leave SSH connections unserved, and what their sshd does
meanwhile: for whoever must say later why a host was silent.
"""
import contextlib
import os
import pathlib
import re
import threading
import time

# Of the hierarchies that lib_host.sh puts hosts into, the one that is there decides.
TREES = [pathlib.Path("/sys/fs/cgroup/systemd"), pathlib.Path("/sys/fs/cgroup")]
HOSTS = ("dmlab-*-h*", "system.slice/dmgr-lab-*-h*.service")
SSH_PORT = 22
LISTENS, ESTABLISHED = "0A", "01"
LOOK_SECONDS = 2.0
# A host that boots, or that is one of twelve busy ones, has needed four.
LATE_SECONDS = 6.0
MOST = 5
JOIN_SECONDS = 5.0
SOCKET = re.compile(r"^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F:]+) ([0-9A-F]{2}) "
                    r"[0-9A-F]{8}:([0-9A-F]{8})", re.M)


def text(path):
    """Nothing of a process that is gone."""
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def hosts():
    for tree in TREES:
        if found := sorted(path for host in HOSTS for path in tree.glob(host)):
            return found
    return []


def processes(host):
    # Groups come and go, which this walk does not mind.
    return [pid for group, _, _ in os.walk(host) for pid in text(f"{group}/cgroup.procs").split()]


def state(pid):
    return text(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1]


def unserved(sshd):
    """Who waits at the port to be accepted, and on which connections bytes wait to be read."""
    return {(kind, peer, waiting) for port, peer, kind, waiting in SOCKET.findall(text(f"/proc/{sshd}/net/tcp"))
            if int(port, 16) == SSH_PORT and kind in (LISTENS, ESTABLISHED) and int(waiting, 16)}


def describe(pid):
    words = text(f"/proc/{pid}/cmdline").replace("\0", " ").strip()[:50]
    where = [line.split("] ")[-1].split("+")[0]
             for line in text(f"/proc/{pid}/stack").splitlines()[:4]]
    return f"{pid} {''.join(state(pid))} {words}: {' < '.join(where)}"


def pressure(kind):
    return text(f"/proc/pressure/{kind}").partition("\n")[0].rpartition(" avg60")[0]


class Watch:
    """Looks at all lab hosts every other second, in a thread of its own."""

    def __init__(self):
        self.seen = []
        self._since = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        # A look at a process that is stuck may be so too.
        self._thread.join(JOIN_SECONDS)

    def _run(self):
        while not self._end.wait(LOOK_SECONDS):
            for host in hosts():
                # What is seen of a host that goes meanwhile is of no use.
                with contextlib.suppress(OSError):
                    self._look(host)

    def _look(self, host):
        pids = processes(host)
        sshd = [pid for pid in pids if text(f"/proc/{pid}/comm") == "sshd\n"]
        now = time.monotonic()
        before = self._since.pop(host, {})
        # Those that are stopped are so by a test.
        if not sshd or any(state(pid) == ["T"] for pid in sshd):
            return
        since = {one: before.get(one, now) for one in unserved(sshd[0])}
        self._since[host] = since
        late = [now - began for began in since.values() if now - began > LATE_SECONDS]
        if not late or len(self.seen) >= MOST:
            return
        # Once is enough.
        self._since[host] = dict.fromkeys(since, float("inf"))
        stuck = [pid for pid in pids if pid not in sshd and state(pid) == ["D"]]
        machine = "; ".join(f"{kind} {pressure(kind)}" for kind in ("cpu", "io", "memory"))
        self.seen.append("\n".join([
            f"{time.strftime('%H:%M:%S')} {host.name}: SSH unserved for {max(late):.0f} s; load "
            f"{text('/proc/loadavg').split(' ')[0]}; {machine}",
            *("  " + describe(pid) for pid in sshd + stuck)]))

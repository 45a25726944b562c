#!/usr/bin/env python3
"""Sees, without asking anybody, which lab hosts leave SSH connections unserved, and which client leaves
what a host has said unread, and what their processes do meanwhile: for whoever must say later why a
host was silent.
"""
import collections
import contextlib
import os
import pathlib
import re
import subprocess
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
# A session that dmgrd keeps for later is not read for ten.
CLIENT_LATE_SECONDS = 14.0
# The end of 198.18.0.0/15 as the kernel writes addresses.
LAB_RANGE = ("12C6", "13C6")
MOST = 5
JOIN_SECONDS = 5.0
SOCKET = re.compile(r"^ *\d+: [0-9A-F]{8}:([0-9A-F]{4}) ([0-9A-F]{8}):([0-9A-F]{4}) ([0-9A-F]{2}) "
                    r"[0-9A-F]{8}:([0-9A-F]{8}) \S+ \S+ +\d+ +\d+ (\d+)", re.M)
Socket = collections.namedtuple("Socket", "port peer peer_port kind unread inode")


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


def sockets(pid):
    """Those of TCP over IPv4 where the process is."""
    for line in SOCKET.findall(text(f"/proc/{pid}/net/tcp")):
        yield Socket(int(line[0], 16), line[1], int(line[2], 16), line[3], int(line[4], 16), line[5])


def unserved(sshd):
    """Who waits at the port to be accepted, and on which connections bytes wait to be read."""
    return {one for one in sockets(sshd)
            if one.port == SSH_PORT and one.kind in (LISTENS, ESTABLISHED) and one.unread}


def unheard():
    """On which connections of this machine to lab hosts bytes wait to be read."""
    return {one for one in sockets("self") if one.peer_port == SSH_PORT and one.kind == ESTABLISHED
            and one.peer.endswith(LAB_RANGE) and one.unread}


def heard_ago(inode):
    """Seconds since the last byte came: a session that is used again and again has some unread each
    time that one looks."""
    found = subprocess.run(["ss", "-Htnie", "dport", "=", f":{SSH_PORT}"], check=False, timeout=5,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ago = re.search(rf" ino:{inode} (?:.*\n)?.* lastrcv:(\d+)", found.stdout)
    return int(ago[1]) / 1000 if ago else 0


def owner(inode):
    for place in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(place) == f"socket:[{inode}]":
                return place.parts[2]
    return None


def threads(pid):
    """What those of the process wait for, each kind once."""
    where = collections.Counter(describe(task.name).partition(" ")[2]
                                for task in pathlib.Path(f"/proc/{pid}/task").glob("*"))
    return [f"{count} x {what}" for what, count in where.most_common()]


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
            # What is seen of what goes meanwhile is of no use.
            for host in hosts():
                with contextlib.suppress(OSError):
                    self._look(host)
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                self._look_at_clients()

    def _late(self, who, waiting, limit):
        """Of what waits there, for how long the longest does, when that is too long; once."""
        now = time.monotonic()
        before = self._since.pop(who, {})
        since = self._since[who] = {one: before.get(one, now) for one in waiting}
        late = {one: now - began for one, began in since.items() if now - began > limit}
        if not late or len(self.seen) >= MOST:
            return None, 0
        longest = max(late, key=late.get)
        since[longest] = float("inf")  # Once is enough.
        return longest, late[longest]

    def _say(self, words, details):
        machine = "; ".join(f"{kind} {pressure(kind)}" for kind in ("cpu", "io", "memory"))
        load = text("/proc/loadavg").split(" ")[0]
        self.seen.append("\n  ".join([
            f"{time.strftime('%H:%M:%S')} {words}; load {load}; {machine}", *details]))

    def _look(self, host):
        pids = processes(host)
        sshd = [pid for pid in pids if text(f"/proc/{pid}/comm") == "sshd\n"]
        # Those that are stopped are so by a test.
        if not sshd or any(state(pid) == ["T"] for pid in sshd):
            self._since.pop(host, None)
            return
        late, seconds = self._late(host, unserved(sshd[0]), LATE_SECONDS)
        if late:
            stuck = [pid for pid in pids if pid not in sshd and state(pid) == ["D"]]
            self._say(f"{host.name}: SSH unserved for {seconds:.0f} s", map(describe, sshd + stuck))

    def _look_at_clients(self):
        late, seconds = self._late("clients", unheard(), CLIENT_LATE_SECONDS)
        if not late or heard_ago(late.inode) < CLIENT_LATE_SECONDS:
            return
        pid = owner(late.inode)
        # One that is stopped is so by a test.
        if pid and state(pid) != ["T"]:
            self._say(f"{describe(pid)}: {late.unread} bytes by SSH unread for {seconds:.0f} s",
                      threads(pid))

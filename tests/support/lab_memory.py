#!/usr/bin/env python3
"""A place in memory for labs, on machines that have plenty of it.

A machine that drops the pages of what ran a minute ago would have each new sshd come from its disk.
"""
import contextlib
import os
import pathlib
import re
import subprocess

LAB_SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "lab" / "lab.sh"
ROOT = pathlib.Path("/run")
# Three labs at once have been seen to need 1 GiB; what runs in them needs memory too.
SIZE = 8 << 30
PREFIX = "dmgr-labs-"


def available():
    """Bytes of memory that programs may have."""
    found = re.search(r"^MemAvailable: *(\d+) kB$", pathlib.Path("/proc/meminfo").read_text(), re.M)
    return int(found[1]) << 10 if found else 0


def remove(place):
    """What is still in use stays."""
    if subprocess.run(["umount", str(place)], check=False, stderr=subprocess.DEVNULL).returncode == 0:
        place.rmdir()


def remove_left():
    """What runs that were killed have left."""
    for place in ROOT.glob(PREFIX + "*"):
        if not pathlib.Path("/proc", place.name.removeprefix(PREFIX)).exists():
            remove(place)


def base_of_labs():
    """Its folder; nothing when it cannot be made, which those that want a lab say."""
    made = subprocess.run([str(LAB_SCRIPT), "base"], check=False, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(made.stdout.strip()) if made.returncode == 0 else None


def mount_place():
    """A folder in memory; nothing when there is no room or right for one."""
    if available() < 2 * SIZE:
        return None
    remove_left()
    place = ROOT / f"{PREFIX}{os.getpid()}"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=755,size={SIZE}", "dmgr-labs",
                              str(place)], check=False)
    if mounted.returncode == 0:
        return place
    place.rmdir()
    return None


@contextlib.contextmanager
def labs_in_memory():
    """Labs that are made meanwhile are there, unless the environment says where they are to be.
    Yields in words where they are."""
    base = base_of_labs() if os.geteuid() == 0 else None
    if base is None:
        yield "without a base"
        return
    is_said = "DMGR_LAB_STATE" in os.environ or "DMGR_LAB_CACHE" in os.environ
    place = None if is_said else mount_place()
    if place is None:
        yield f"on disk, with {available() / (1 << 30):.1f} GiB of memory available"
        return
    places = {"DMGR_LAB_CACHE": place / "cache", "DMGR_LAB_STATE": place / "state"}
    try:
        places["DMGR_LAB_CACHE"].mkdir()
        subprocess.run(["cp", "-a", str(base), str(places["DMGR_LAB_CACHE"])], check=True)
        os.environ.update({name: str(path) for name, path in places.items()})
        yield "in memory"
    finally:
        for name in places:
            os.environ.pop(name, None)
        remove(place)

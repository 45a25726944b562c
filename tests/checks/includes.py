#!/usr/bin/env python3
"""Fails when a room of the house includes what it may not.

A room includes itself and rooms on lower floors; never up, never sideways. A library's headers stay
in the rooms that wrap it. Tests may include anything.

  includes.py [ROOT]
"""
import pathlib
import re
import sys

# Longest prefix wins. The programs themselves (server/main.cc, ...) are on the top floor.
ROOMS = {
    "dmgr/host": "proto", "dmgr/v1": "proto", "google/api": "proto", "google/rpc": "proto",
    "common": "common", "common/grpc_status": "common_grpc", "templates": "templates",
    "server": "server", "server/topology": "topology",
    "server/ssh": "ssh", "server/package": "package", "server/render": "render",
    "server/dm": "dm", "server/store": "store", "server/auth": "auth",
    "server/host/near": "host/near", "server/host/far": "host/far", "server/engine": "engine",
    "server/operations": "operations", "server/rpc": "rpc",
    "client": "client",
}
FLOORS = {
    "proto": 0, "common": 1, "topology": 1, "templates": 1,
    "ssh": 2, "package": 2, "render": 2, "dm": 2, "store": 2, "auth": 2,
    "host/near": 3, "host/far": 3, "engine": 3, "operations": 4, "rpc": 5, "server": 6,
}
# Rooms that stand beside the floors: all that they may include.
ONLY = {
    "common_grpc": {"common", "proto"},
    "host/far": set(),  # The host's messages; see allowed().
    "client": {"common", "common_grpc", "proto", "package", "templates"},
}
# (room, room on the same floor)
SIDEWAYS = {("templates", "common")}
# Headers that match are for these rooms only.
LIBRARIES = {
    r"(grpc|grpcpp)/|.*\.grpc\.pb\.h$": {"rpc", "client", "common_grpc"},
    r"pqxx|libpq|postgres": {"store"},
    r"libssh/": {"ssh"},
    r"archive": {"package", "host/far"},
    r"kainjow/": {"render"},
    r"yaml-cpp/": {"client"},
    r"curl/": {"dm"},
    r"toml\+\+/": {"client", "render", "server"},
    r"catch2/": set(),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def room_of(path):
    """The room of a path below the top, or None when it is no file of ours."""
    for prefix in sorted(ROOMS, key=len, reverse=True):
        if path == prefix or path.startswith((prefix + "/", prefix + ".")):
            room = ROOMS[prefix]
            # A folder below server/ that the plan does not have.
            return "unknown" if room == "server" and path.count("/") > 1 else room
    return None


def allowed(room, other, header):
    if room == other:
        return True
    if room == "host/far":
        return header.startswith("dmgr/host/")
    if room in ONLY:
        return other in ONLY[room]
    if other == "common_grpc":
        return room == "rpc"
    if other in ONLY:
        return False
    return FLOORS[other] < FLOORS[room] or (room, other) in SIDEWAYS


def check_file(root, path):
    name = path.relative_to(root).as_posix()
    room = room_of(name)
    if room == "unknown":
        return [f"{name}: belongs to no room of DESIGN"]
    problems = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match[2]
        other = room_of(header)
        if header.startswith("tests/"):
            problems.append(f"{name}:{number}: includes {header} of the tests")
        elif other == "unknown" or (other and not allowed(room, other, header)):
            problems.append(f"{name}:{number}: {room} may not include {header}")
        elif match[1] == '"' and (path.parent / header).exists() and not other:
            problems.append(f"{name}:{number}: {header}: write the path from the top")
        for pattern, rooms in LIBRARIES.items():
            if re.match(pattern, header) and room not in rooms:
                problems.append(f"{name}:{number}: {header} is not for {room}")
    return problems


def check(root):
    problems, files = [], 0
    for top in ("server", "client", "common", "templates"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".cc", ".h"):
                files += 1
                problems += check_file(root, path)
    if files == 0:
        problems.append(f"{root}: no source file found")
    return problems


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    problems = check(root.resolve())
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Fails when a room of the house includes what it may not.

A room includes itself and rooms on lower floors; never up, never sideways. A room of several parts
keeps an order among them too. A library's headers stay in the rooms that wrap it. Tests may include
anything. At the end it prints the parts and the includes between them.

  includes.py [ROOT]
"""
import collections
import pathlib
import re
import sys

# Longest prefix wins. The programs themselves (server/main.cc, ...) are on the top floor.
ROOMS = {
    "dmgr/host": "proto", "dmgr/v1": "proto", "google/api": "proto", "google/rpc": "proto",
    "common": "common", "common/grpc_status": "common_grpc", "common/package": "package_format",
    "templates": "templates",
    "server": "server", "server/topology": "topology",
    "server/ssh": "ssh", "server/package": "package", "server/render": "render",
    "server/dm": "dm", "server/store": "store", "server/auth": "auth",
    "server/host/near": "host/near", "server/host/far": "host/far", "server/engine": "engine",
    "server/operations": "operations", "server/rpc": "rpc",
    "client": "client",
}
FLOORS = {
    "proto": 0, "common": 1, "topology": 1, "templates": 1,
    "package_format": 2, "ssh": 2, "package": 2, "render": 2, "dm": 2, "store": 2, "auth": 2,
    "host/near": 3, "host/far": 3, "engine": 3, "operations": 4, "rpc": 5, "server": 6,
}
# Rooms that stand beside the floors: all that they may include.
ONLY = {
    "common_grpc": {"common", "proto"},
    "host/far": set(),  # The host's messages; see allowed().
    "client": {"common", "common_grpc", "proto", "package_format"},
}
# (room, room on the same floor)
SIDEWAYS = {("templates", "common"), ("package", "package_format")}
# Rooms of several parts, lowest first: a part includes itself and lower ones. What lies beside the
# folders is above them all.
PARTS = {
    "server/host/far": ("base", "system", "state", "actions"),
}
TOP = "top"
# Headers that match are for these rooms only.
LIBRARIES = {
    r"(grpc|grpcpp)/|.*\.grpc\.pb\.h$": {"rpc", "client", "common_grpc"},
    r"pqxx|libpq|postgres": {"store"},
    r"libssh/": {"ssh"},
    r"archive": {"package_format", "package", "host/far"},
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


def part_of(path):
    """(room, part) of a path in a room of parts; None elsewhere. An unknown folder is no part."""
    for room, parts in PARTS.items():
        if path.startswith(room + "/"):
            folder, _, inside = path[len(room) + 1:].partition("/")
            return room, (folder if folder in parts else None) if inside else TOP
    return None


def is_up(room, part, other):
    order = (*PARTS[room], TOP)
    return order.index(other) > order.index(part)


def check_parts(name, header, arrows):
    """Why the header may not be included, or None. Counts the include in arrows."""
    own, other = part_of(name), part_of(header)
    if not own or not other or own[0] != other[0]:
        return None
    room, part = own
    if other[1] is None:
        return f"{header} is in no part of {room}"
    if is_up(room, part, other[1]):
        return f"{part} of {room} may not include {header}"
    if part != other[1]:
        arrows[room, part, other[1]] += 1
    return None


def check_file(root, path, arrows):
    name = path.relative_to(root).as_posix()
    room = room_of(name)
    if room == "unknown" or part_of(name) and part_of(name)[1] is None:
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
        problem = check_parts(name, header, arrows)
        if problem:
            problems.append(f"{name}:{number}: {problem}")
        for pattern, rooms in LIBRARIES.items():
            if re.match(pattern, header) and room not in rooms:
                problems.append(f"{name}:{number}: {header} is not for {room}")
    return problems


def check(root, arrows=None):
    """The problems below root. Adds to arrows, (room, part, part) -> includes, what it saw."""
    problems, files = [], 0
    arrows = collections.Counter() if arrows is None else arrows
    for top in ("server", "client", "common", "templates"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".cc", ".h"):
                files += 1
                problems += check_file(root, path, arrows)
    if files == 0:
        problems.append(f"{root}: no source file found")
    return problems


def summary(arrows):
    lines = []
    for room, parts in PARTS.items():
        between = [f"  {part} -> {other}: {count}"
                   for (name, part, other), count in sorted(arrows.items()) if name == room]
        lines += [f"{room}: {', '.join((*parts, TOP))}; no include goes up", *between]
    return "\n".join(lines)


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    arrows = collections.Counter()
    problems = check(root.resolve(), arrows)
    print("\n".join(problems) or summary(arrows))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

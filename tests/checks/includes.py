#!/usr/bin/env python3
"""Fails when a room of the house includes what it may not.

A room includes itself and rooms on lower floors; never up, never sideways. A room of several parts
keeps an order among them too. A library's headers stay in the rooms that wrap it. Tests may include
anything.

Every folder of server/operations/ is a room. Three are shared: plan/, calls/ and steps/; every other
one is an operation, which never includes another operation.

Two kinds of headers are private, that is, included by their own room only: in an operation's folder
every header but the one that is named like the folder (deploy/deploy.h), and anywhere a header whose
first line says "Private to this room".

  includes.py [ROOT]   prints the problems, and how the rooms hang together
"""
import collections
import pathlib
import re
import sys

# Longest prefix wins. The programs themselves (server/main.cc, ...) are on the top floor.
ROOMS = {
    "dm": "proto", "dmgr/host": "proto", "dmgr/plan": "proto", "dmgr/v1": "proto", "google/api": "proto",
    "google/rpc": "proto",
    "common": "common", "common/grpc_status": "common_grpc", "common/package": "package_format",
    "common/components": "components", "templates": "templates",
    "server": "server", "server/topology": "topology",
    "server/watching": "watching", "server/metrics": "metrics",
    "server/diagnosis": "diagnosis", "server/migrations": "migrations",
    "server/databases": "databases", "server/certificates": "certificates",
    "server/ssh": "ssh", "server/package": "package", "server/render": "render",
    "server/dm": "dm", "server/objects": "objects", "server/store": "store", "server/auth": "auth",
    "server/host/near": "host/near", "server/host/far": "host/far", "server/engine": "engine",
    "server/accounts": "accounts", "server/secrets": "secrets",
    "server/resources": "resources", "server/machines": "machines",
    "server/warehouse": "warehouse", "server/members": "members", "server/clusters": "clusters",
    "server/backups": "backups", "server/leftovers": "leftovers", "server/status": "status", "server/verify": "verify",
    "server/check": "check", "server/instances": "instances",
    "server/operations": "operations", "server/rpc": "rpc", "server/page": "page",
    "client": "client",
}
SHARED = {"operations/plan": 7, "operations/calls": 8, "operations/steps": 8}
OPERATION_FLOOR = 9
FLOORS = {
    "proto": 0, "common": 1, "components": 1, "topology": 1, "templates": 1,
    "package_format": 2, "diagnosis": 2, "watching": 2, "metrics": 2, "ssh": 2, "package": 2, "objects": 2, "render": 2, "dm": 2, "store": 2, "auth": 2, "migrations": 2,
    "databases": 2, "certificates": 2,
    "host/near": 3, "host/far": 3, "engine": 3, "accounts": 3, "secrets": 3, "members": 3, "resources": 4,
    "machines": 5,
    "warehouse": 5, "clusters": 6, "backups": 7, "leftovers": 7, "status": 7, "verify": 7, "check": 7, **SHARED,
    "instances": 9, "operations": 10, "rpc": 11, "page": 12,
    "server": 13,
}
# Rooms that stand beside the floors: all that they may include.
ONLY = {
    "common_grpc": {"common", "proto"},
    "host/far": set(),  # The host's messages; see allowed().
    "client": {"common", "common_grpc", "components", "proto", "package_format"},
}
# (room, room on the same floor)
SIDEWAYS = {("templates", "common"), ("topology", "common"), ("topology", "components"),
            ("package", "package_format"), ("render", "package_format")}
# Rooms of several parts, lowest first: a part includes itself and lower ones. What lies beside the
# folders is above them all.
PARTS = {
    "server/host/far": ("base", "system", "state", "actions"),
}
TOP = "top"
# Headers that match are for these rooms only.
LIBRARIES = {
    r"(grpc|grpcpp)/|.*\.grpc\.pb\.h$": {"rpc", "page", "client", "common_grpc", "dm"},
    r"pqxx|libpq|postgres": {"store"},
    r"libssh/": {"ssh"},
    r"archive": {"package_format", "package", "host/far"},
    r"kainjow/": {"render", "page"},
    r"microhttpd": {"page"},
    r"yaml-cpp/": {"client", "migrations"},
    r"curl/": {"dm", "objects"},
    r"toml\+\+/": {"client", "render", "server", "migrations"},
    r"mysql|mariadb": {"databases"},
    r"systemd/sd": {"server"},
    r"prometheus/": {"metrics"},
    r"catch2/": set(),
    # Its recursion ends the program on a long value. RE2, or plain code.
    r"regex$": set(),
}
PRIVATE = "Private to this room"
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def room_of(path):
    """The room of a path below the top, or None when it is no file of ours."""
    for prefix in sorted(ROOMS, key=len, reverse=True):
        if path == prefix or path.startswith((prefix + "/", prefix + ".")):
            room = ROOMS[prefix]
            if room == "operations" and path.count("/") > 2:
                return "operations/" + path.split("/")[2]
            # A folder below server/ that the plan does not have.
            return "unknown" if room == "server" and path.count("/") > 1 else room
    return None


def floor_of(room):
    return FLOORS.get(room, OPERATION_FLOOR)


def is_private(root, header):
    """Whether only the room of a header of ours may include it."""
    parts = pathlib.PurePath(header).parts
    room = room_of(header)
    if room.startswith("operations/") and room not in SHARED:
        return parts[-1] != parts[-2] + ".h"
    path = root / header
    return path.is_file() and PRIVATE in path.read_text(errors="replace").partition("\n")[0]


def allowed(room, other, header):
    if room == other:
        return True
    if room == "host/far":
        return header.startswith("dmgr/host/")
    if room in ONLY:
        return other in ONLY[room]
    if other == "common_grpc":
        return room in ("rpc", "page", "dm")
    if other in ONLY:
        return False
    return floor_of(other) < floor_of(room) or (room, other) in SIDEWAYS


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
        arrows[f"{room}/{part}", f"{room}/{other[1]}"] += 1
    return None


def check_file(root, path, arrows):
    """The problems of a file; arrows counts the includes from one room to another."""
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
        if other and other != room:
            arrows[room, other] += 1
        if header.startswith("tests/"):
            problems.append(f"{name}:{number}: includes {header} of the tests")
        elif other == "unknown" or (other and not allowed(room, other, header)):
            problems.append(f"{name}:{number}: {room} may not include {header}")
        elif other and other != room and is_private(root, header):
            problems.append(f"{name}:{number}: {header} is private to {other}")
        elif match[1] == '"' and (path.parent / header).exists() and not other:
            problems.append(f"{name}:{number}: {header}: write the path from the top")
        problem = check_parts(name, header, arrows)
        if problem:
            problems.append(f"{name}:{number}: {problem}")
        for pattern, rooms in LIBRARIES.items():
            if re.match(pattern, header) and room not in rooms:
                problems.append(f"{name}:{number}: {header} is not for {room}")
    return problems


def look(root):
    """All problems, and how often one room includes another."""
    problems, files, arrows = [], 0, collections.Counter()
    for top in ("server", "client", "common", "templates"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".cc", ".h"):
                files += 1
                problems += check_file(root, path, arrows)
    if files == 0:
        problems.append(f"{root}: no source file found")
    return problems, arrows


def check(root):
    return look(root)[0]


def figures(arrows):
    """How the rooms and parts hang together, in words."""
    def words(name, of):
        rooms = {room for arrow in of for room in arrow}
        return (f"{name}: {len(rooms)} rooms, {len(of)} arrows with {sum(of.values())} includes "
                "between them, none up")
    inside = {room: {arrow: count for arrow, count in arrows.items()
                     if arrow[0].startswith(room + "/")} for room in PARTS}
    whole = {arrow: count for arrow, count in arrows.items()
             if not any(arrow in of for of in inside.values())}
    lines = [words("the house", whole)]
    return "\n".join(lines + [words(room, of) for room, of in inside.items()])


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    problems, arrows = look(root.resolve())
    print("\n".join(problems) if problems else figures(arrows))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

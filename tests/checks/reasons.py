#!/usr/bin/env python3
"""Fails when an error's reason is not in enum ErrorReason, or comes with two codes, or when a call
that helps is told what its request has no field for.

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
# Next(v1::ACTION_X, {{"key", ...}, {"key", ...}}), and MakeNextAction alike.
NEXT = re.compile(r"(?:Next|MakeNextAction)\(\s*v1::ACTION_(\w+),\s*(\{.*?\}\s*\})\s*\)", re.S)
KEY = re.compile(r'\{\s*"([\w.]+)"\s*,')
# What leaves hosts out, about some instances perhaps.
SKIPPING = re.compile(r"\bSkipping\(\s*([^;]*?)(?:request\.|name\b)", re.S)
ACTION = re.compile(r"\bACTION_(\w+)")
# Of a call whose request is called otherwise, or that is part of another message.
REQUESTS = {"READDRESS_MACHINE": "MoveMachineRequest", "SKIP_TASK_ERROR": "HandleTaskErrorRequest",
            "REPLACE_TASK_ERROR": "HandleTaskErrorRequest", "RESTORE_CLUSTER": "RestoreClusterHeader"}
# What is told of a message in the request.
PARTS = {"CREATE_MACHINE": "Machine", "UPDATE_MACHINE": "Machine", "REPLACE_MACHINE": "Machine",
         "CREATE_USER": "User"}
# No calls, or such as upload a file whose name is not a field.
NO_CALLS = {"BUILD_PACKAGE", "UPLOAD_PACKAGE", "UPLOAD_PATCH"}
MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.S | re.M)
FIELD = re.compile(r"^ +(?:optional |repeated )?[\w.<>, ]+ (\w+) = \d+", re.M)


def reasons_of(root):
    text = (root / PROTO).read_text()
    return set(re.findall(r"^\s*ERROR_REASON_(\w+) = \d+;", text, re.M)) - {"UNSPECIFIED"}


def fields_of(root):
    """By message, the names of its fields."""
    fields = {}
    for path in sorted((root / "proto/dmgr/v1").glob("*.proto")):
        for name, body in MESSAGE.findall(COMMENT.sub("", path.read_text())):
            fields[name] = set(FIELD.findall(body))
    return fields


def untold(fields, action, keys):
    """Those of the arguments that the action's call has no field for."""
    if action in NO_CALLS:
        return []
    request = REQUESTS.get(action, "".join(w.capitalize() for w in action.split("_")) + "Request")
    known = fields.get(request)
    if known is None:
        return [f"no message {request}"]
    known = known | fields.get(PARTS.get(action), set())
    return [key for key in keys if key.split(".")[0] not in known]


def check_calls(fields, name, text):
    told = [(action, KEY.findall(arguments)) for action, arguments in NEXT.findall(text)]
    for actions in SKIPPING.findall(text):
        told += [(action, ["skip_unreachable"]) for action in ACTION.findall(actions)]
    return [f"{name}: ACTION_{action} is told {key}, which its call does not know"
            for action, keys in told for key in untold(fields, action, keys)]


def check(root):
    known, fields = reasons_of(root), fields_of(root)
    problems, codes = [], collections.defaultdict(dict)
    for top in ROOTS:
        for path in sorted((root / top).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix not in (".cc", ".h") or name.startswith(SKIPPED):
                continue
            text = COMMENT.sub("", path.read_text(errors="replace"))
            for code, reason in MAKES.findall(text):
                codes[reason].setdefault(code, name)
            problems += check_calls(fields, name, text)
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

#!/usr/bin/env python3
"""The tables of methods, roles and clusters in deploy/SECURITY.md are what the declarations in proto/
say.

  roles.py [ROOT]             compares
  roles.py --print [ROOT]     prints the tables as they should be
"""
import pathlib
import re
import sys

DOCUMENT = "deploy/SECURITY.md"
BEGIN, END = "<!-- methods and roles -->\n", "<!-- end of methods and roles -->\n"
SERVICE = re.compile(r"^service (\w+) \{(.*?)^\}", re.M | re.S)
METHOD = re.compile(r"^  rpc (\w+)\(.*?(?:;|\{(.*?)^  \})", re.M | re.S)
ACCESS = re.compile(r"option \(access\)\s*=\s*\{([^}]*)\}")
ROLES = ("none", "viewer", "operator", "admin")
CLUSTER, OPERATION, FILTERED, ALL = "the cluster", "the operation's cluster", "any", "everything"
COUNTED = (CLUSTER, OPERATION, FILTERED, ALL)


def role_of(access):
    """The least role that a method's declaration asks for, and whether it changes something."""
    if re.search(r"without_session:\s*true", access):
        role = "none"
    else:
        role = re.search(r"role:\s*ROLE_(\w+)", access).group(1).lower()
    return role, bool(re.search(r"mutates:\s*true", access))


def counted(access):
    """For what a caller must have the role."""
    if "cluster_fields:" in access:
        return CLUSTER
    if "operation_field:" in access:
        return OPERATION
    return FILTERED if re.search(r"filtered:\s*true", access) else ALL


def declared(root):
    """Service, method and the text of its option (access), of every method."""
    for path in sorted((root / "proto/dmgr/v1").glob("*.proto")):
        for service, body in SERVICE.findall(re.sub(r"//.*", "", path.read_text())):
            for method, options in METHOD.findall(body):
                access = ACCESS.search(options)
                if access is None:
                    raise ValueError(f"{path}: {service}/{method} has no option (access)")
                yield service, method, access.group(1)


def row(head, services):
    texts = [f"{service}: {', '.join(names)}" for service, names in sorted(services.items())]
    return f"| {head} | {'; '.join(texts) or '-'} |"


def table(root):
    """By role, methods that change something with a star; then by what the role must be for."""
    by_role = {role: {} for role in ROLES}
    by_count = {count: {} for count in COUNTED}
    sessions = []
    for service, method, access in declared(root):
        role, mutates = role_of(access)
        by_role[role].setdefault(service, []).append(method + ("\\*" if mutates else ""))
        if role != "none":
            by_count[counted(access)].setdefault(service, []).append(method)
        if re.search(r"session_only:\s*true", access):
            sessions.append(method)
    lines = ["| role | methods |", "| --- | --- |"]
    lines += [row(role, services) for role, services in by_role.items()]
    lines += ["", "| the role is for | methods |", "| --- | --- |"]
    lines += [row(count, services) for count, services in by_count.items()]
    lines += ["", "Not with an API token or a certificate: " + (", ".join(sessions) or "-") + "."]
    return "\n".join(lines) + "\n"


def check(root):
    text = (root / DOCUMENT).read_text()
    if BEGIN not in text or END not in text:
        return [f"{DOCUMENT}: the marks around the tables of methods and roles are missing"]
    if text.split(BEGIN)[1].split(END)[0].strip() != table(root).strip():
        return [f"{DOCUMENT}: the tables of methods and roles are not what proto/ declares: "
                "put in what tests/checks/roles.py --print prints"]
    return []


def main(arguments):
    paths = [argument for argument in arguments if argument != "--print"]
    root = pathlib.Path(paths[0] if paths else
                        pathlib.Path(__file__).resolve().parent.parent.parent)
    if "--print" in arguments:
        print(table(root), end="")
        return 0
    problems = check(root)
    print("\n".join(problems + [f"{len(problems)} problems"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

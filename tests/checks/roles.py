#!/usr/bin/env python3
"""The table of methods and roles in deploy/SECURITY.md is what the declarations in proto/ say.

  roles.py [ROOT]             compares
  roles.py --print [ROOT]     prints the table as it should be
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


def role_of(access):
    """The least role that a method's declaration asks for, and whether it changes something."""
    if re.search(r"without_session:\s*true", access):
        role = "none"
    else:
        role = re.search(r"role:\s*ROLE_(\w+)", access).group(1).lower()
    return role, bool(re.search(r"mutates:\s*true", access))


def methods(root):
    """role -> service -> methods, those that change something with a star."""
    found = {role: {} for role in ROLES}
    for path in sorted((root / "proto/dmgr/v1").glob("*.proto")):
        for service, body in SERVICE.findall(re.sub(r"//.*", "", path.read_text())):
            for method, options in METHOD.findall(body):
                access = ACCESS.search(options)
                if access is None:
                    raise ValueError(f"{path}: {service}/{method} has no option (access)")
                role, mutates = role_of(access.group(1))
                star = "\\*" if mutates else ""
                found[role].setdefault(service, []).append(method + star)
    return found


def table(root):
    lines = ["| role | methods |", "| --- | --- |"]
    for role, services in methods(root).items():
        texts = [f"{service}: {', '.join(names)}" for service, names in sorted(services.items())]
        lines.append(f"| {role} | {'; '.join(texts) or '-'} |")
    return "\n".join(lines) + "\n"


def check(root):
    text = (root / DOCUMENT).read_text()
    if BEGIN not in text or END not in text:
        return [f"{DOCUMENT}: the marks around the table of methods and roles are missing"]
    if text.split(BEGIN)[1].split(END)[0].strip() != table(root).strip():
        return [f"{DOCUMENT}: the table of methods and roles is not what proto/ declares: "
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

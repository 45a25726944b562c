#!/usr/bin/env python3
"""The pages below deploy/docs that are made are what their scripts make, every page is there in both
languages, and what they name is there: links, calls of the API with their fields, reasons of errors.

  documents.py [ROOT]
"""
import importlib.util
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True
FOLDER = "deploy/docs"
# For programs: with names of all kinds in capitals.
WITH_OTHER_NAMES = {"api.md", "grpcurl.md"}
# A call, with the JSON that is sent if there is some.
CALL = re.compile(r"""(?:-d '([^']*)'[^'`]*?)?dmgr\.v1\.(\w+)/(\w+)""")
NAME = re.compile(r"(?<![\w.{])[A-Z]{2,}(?:_[A-Z]+)+\b(?![*}])")
# Of the environment.
OTHER_NAMES = {"DMGR_PASSPHRASE", "DMGR_TOKEN", "DMGR_MODE"}
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


def makers(root):
    """The scripts that make pages, as modules."""
    sys.path.insert(0, str(root / FOLDER))
    for path in sorted((root / FOLDER).glob("make_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield path.relative_to(root).as_posix(), module


def made(root):
    for script, module in makers(root):
        said = module.problems(root)
        yield from said
        for path, text in {} if said else module.pages(root).items():
            page = root / path
            if not page.exists() or page.read_text() != text:
                yield f"{path}: is not what {script} makes: run it"


def languages(root):
    names = {language: {path.name for path in (root / FOLDER / language).glob("*.md")}
             for language in ("en", "zh")}
    for name in sorted(names["en"] ^ names["zh"]):
        yield f"{FOLDER}: {name} is there in one language only"


def links(root):
    for page in sorted((root / FOLDER).rglob("*.md")):
        for target in LINK.findall(page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{page.relative_to(root)}: links to {target}, which is not there"


def fields_of(declared, service, method):
    """Names of the request's fields; nothing when there is no such method."""
    for one in declared.services[service].methods if service in declared.services else ():
        if one.name == method:
            return {field.name for field in declared.messages[one.request].fields}
    return None


def calls(root, declared):
    """What is typed at grpcurl."""
    for page in [*sorted((root / FOLDER).rglob("*.md")), root / "README.md"]:
        for data, service, method in CALL.findall(page.read_text() if page.exists() else ""):
            fields = fields_of(declared, service, method)
            where = f"{page.relative_to(root)}: {service}/{method}"
            if fields is None:
                yield f"{where} is no call"
            for name in sorted(set(json.loads(data or "{}")) - (fields or set())):
                yield f"{where} has no field {name}"


def names(root, declared):
    """Words in capitals that look like reasons, or stand for a value of another enum."""
    values = {value.name.removeprefix("ERROR_REASON_") for enum in declared.enums.values()
              for value in enum.values}
    for page in sorted((root / FOLDER).rglob("*.md")):
        if page.name in WITH_OTHER_NAMES:
            continue
        for name in sorted(set(NAME.findall(page.read_text())) - values - OTHER_NAMES):
            yield f"{page.relative_to(root)}: {name} is no reason of an error"


def check(root):
    problems = [*made(root), *languages(root), *links(root)]
    if (root / "proto").exists():
        declared = importlib.import_module("protos").read(root)
        problems += [*calls(root, declared), *names(root, declared)]
    return problems


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    problems = check(root.resolve())
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The pages below deploy/docs that are made are what their scripts make, every page is there in both
languages, and what they link to is there.

  documents.py [ROOT]
"""
import importlib.util
import pathlib
import re
import sys

sys.dont_write_bytecode = True
FOLDER = "deploy/docs"
# For programs: made of comments that are in English, or about nothing but them.
ENGLISH_ONLY = {"api.md", "grpcurl.md"}
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
    for name in sorted((names["en"] ^ names["zh"]) - ENGLISH_ONLY):
        yield f"{FOLDER}: {name} is there in one language only"


def links(root):
    for page in sorted((root / FOLDER).rglob("*.md")):
        for target in LINK.findall(page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{page.relative_to(root)}: links to {target}, which is not there"


def check(root):
    return [*made(root), *languages(root), *links(root)]


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    problems = check(root.resolve())
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

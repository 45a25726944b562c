#!/usr/bin/env python3
"""Writes the pages of all reasons of errors, of the comments in proto/dmgr/v1/errors.proto and, for the
Chinese page, the table zh/reasons.tsv (reason, meaning, remedy; by tabs).

  make_reasons.py [ROOT]
"""
import pathlib
import re
import sys

PROTO = "proto/dmgr/v1/errors.proto"
CHINESE = "deploy/docs/zh/reasons.tsv"
PAGES = {"en": "deploy/docs/en/reasons.md", "zh": "deploy/docs/zh/reasons.md"}
VALUE = re.compile(r"((?:^  //.*\n)*)^  ERROR_REASON_(\w+) = \d+;", re.M)
HEADS = {
    "en": """# Reasons of errors

Made of `proto/dmgr/v1/errors.proto` by `deploy/docs/make_reasons.py`; in [Chinese](../zh/reasons.md).

Every error of the API carries a reason: `ErrorInfo.reason` in the details of the status, and in those of an
operation's `error` (`operation show ID -o json`). Its words may change, the reason does not. It is written
here without `ERROR_REASON_`. What an operator sees and types is in [troubleshooting](troubleshooting.md). The message of an
error names the thing, the host and what was tried; what helps in its own case comes with it as a call.

| reason | what it means, and why it comes | what helps |
| --- | --- | --- |
""",
    "zh": """# 错误原因一览

本页由 `deploy/docs/make_reasons.py` 根据 `proto/dmgr/v1/errors.proto` 与 `deploy/docs/zh/reasons.tsv` 生成；另有[英文版](../en/reasons.md)。

API 的每个错误都带有原因：状态详情中的 `ErrorInfo.reason`，以及操作的 `error` 的详情（`operation show ID -o json`）。
错误信息的文字可能变化，原因不会变。此处省略前缀 `ERROR_REASON_`。按现象排查见[故障排查](troubleshooting.md)。
错误信息会指明对象、主机和所做的尝试，并以 API 调用的形式给出当前情况下的处理办法。

| 原因 | 含义与成因 | 处理办法 |
| --- | --- | --- |
"""}


def english(root):
    """Meaning and remedy by reason, in the order of their names."""
    found = {}
    for comment, name in VALUE.findall((root / PROTO).read_text()):
        text = " ".join(line.strip().lstrip("/").strip() for line in comment.splitlines())
        meaning, _, remedy = text.partition(" Remedy: ")
        if name != "UNSPECIFIED":
            found[name] = (meaning, remedy)
    return dict(sorted(found.items()))


def chinese(root):
    """The rows of the table; a second row of a reason is a ValueError."""
    found = {}
    for line in (root / CHINESE).read_text().splitlines():
        name, *texts = line.split("\t")
        if name in found:
            raise ValueError(f"{CHINESE}: {name} is there twice")
        found[name] = tuple(texts)
    return found


def problems(root):
    """What is missing in the sources of the pages."""
    of_proto, of_table = english(root), chinese(root)
    said = [f"{PROTO}: {name} has no comment with a meaning and \"Remedy: \""
            for name, texts in of_proto.items() if not all(texts)]
    said += [f"{CHINESE}: no row for {name}" for name in of_proto if name not in of_table]
    said += [f"{CHINESE}: {name} is not in {PROTO}" for name in of_table if name not in of_proto]
    said += [f"{CHINESE}: {name} needs a meaning and a remedy, by tabs"
             for name, texts in of_table.items() if len(texts) != 2 or not all(texts)]
    return said


def row(name, texts):
    cells = [text.replace("|", "\\|") for text in texts]
    return f"| <a id=\"{name.lower()}\"></a>`{name}` | {cells[0]} | {cells[1]} |\n"


def pages(root):
    """The text of each page by its path."""
    of_proto, of_table = english(root), chinese(root)
    rows = {"en": [row(*item) for item in of_proto.items()],
            "zh": [row(name, of_table[name]) for name in of_proto]}
    return {PAGES[language]: HEADS[language] + "".join(rows[language]) for language in PAGES}


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    if said := problems(root):
        sys.exit("\n".join(said))
    for path, text in pages(root).items():
        (root / path).write_text(text)


if __name__ == "__main__":
    main()

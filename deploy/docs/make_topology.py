#!/usr/bin/env python3
"""Writes the pages of all keys of a topology, of the comments in proto/dmgr/v1/topology.proto and, for
the Chinese page, the table zh/topology.tsv ("Message.field", tab, what it means).

  make_topology.py [ROOT]
"""
import pathlib
import sys

sys.dont_write_bytecode = True

import protos  # noqa: E402

PROTO = "proto/dmgr/v1/topology.proto"
CHINESE = "deploy/docs/zh/topology.tsv"
PAGES = {"en": "deploy/docs/en/topology.md", "zh": "deploy/docs/zh/topology.md"}
ROOT_MESSAGE, PLACEMENT, FILE = "Topology", "Placement", "LocalFile"
HEADS = {
    "en": """# Topology: every key

Made of `proto/dmgr/v1/topology.proto` by `deploy/docs/make_topology.py`; in [Chinese](../zh/topology.md).

The file has TiUP DM's format: YAML, and what is left out has its default. `dmgrctl cluster template full` prints
an example with every key, `dmgrctl cluster check topology.yaml` looks at a file and its hosts without a change,
and `dmgrctl cluster show-config demo > topology.yaml` writes that of a cluster. A key that is unknown, or is not
for this version of DM, is refused with its line. Programs send the same as `dmgr.v1.Topology`.
""",
    "zh": """# 拓扑文件：全部配置项

本页由 `deploy/docs/make_topology.py` 根据 `proto/dmgr/v1/topology.proto` 与 `deploy/docs/zh/topology.tsv` 生成；另有[英文版](../en/topology.md)。

文件采用 TiUP DM 的格式：YAML，未填写的项取默认值。`dmgrctl cluster template full` 打印包含全部配置项的示例，
`dmgrctl cluster check topology.yaml` 检查文件及其主机而不做任何变更，
`dmgrctl cluster show-config demo > topology.yaml` 导出已有集群的拓扑。未知的配置项，或当前 DM 版本不支持的配置项，
会连同行号一起被拒绝。程序以 `dmgr.v1.Topology` 发送同样的内容。
""",
}
TABLES = {"en": "\n| key | value | meaning |\n| --- | --- | --- |\n",
          "zh": "\n| 配置项 | 取值 | 含义 |\n| --- | --- | --- |\n"}
OF_PLACEMENT = {"en": "host, ssh_port, ...: the keys [of every instance](#of-every-instance).",
                "zh": "host、ssh_port 等[每个实例共有的配置项](#of-every-instance)。"}
OF_EVERY = {"en": "Of every instance", "zh": "每个实例共有的配置项"}
WORDS = {"en": {"string": "text", "uint32": "number", "bool": "true or false",
                "google.protobuf.Struct": "keys and values", "list": "list of {}", "keys": "keys below"},
         "zh": {"string": "文本", "uint32": "数字", "bool": "true 或 false",
                "google.protobuf.Struct": "键值对", "list": "{}的列表", "keys": "见下表"}}


def keys_of(message):
    """The fields that are keys of the file: it names a local file, whose content the API has."""
    return [field for field in message.fields if field.kind != FILE]


def chinese(root):
    return dict(line.split("\t") for line in (root / CHINESE).read_text().splitlines())


def problems(root):
    declared = protos.read(root, pathlib.Path(PROTO).name)
    table = chinese(root)
    names = [f"{message.name}.{field.name}" for message in declared.messages.values()
             for field in keys_of(message) if PLACEMENT not in field.kind and message.name != FILE]
    said = [f"{PROTO}: {message.name}.{field.name} has no comment"
            for message in declared.messages.values() for field in keys_of(message)
            if not field.comment and f"{message.name}.{field.name}" in names]
    said += [f"{CHINESE}: no row for {name}" for name in names if not table.get(name)]
    return said + [f"{CHINESE}: {name} is not in {PROTO}" for name in table if name not in names]


def value_words(field, declared, language):
    words = WORDS[language]
    one = words.get(field.kind) or words["keys"]
    if field.kind in declared.messages:
        one = f"[{one}](#{field.kind.lower()})"
    return words["list"].format(one) if field.repeated else one


def row(message, field, declared, language, table):
    if field.kind == PLACEMENT:
        return f"| ... | | {OF_PLACEMENT[language]} |\n"
    meaning = field.comment if language == "en" else table[f"{message.name}.{field.name}"]
    value = value_words(field, declared, language)
    return f"| `{field.name}` | {value} | {meaning.replace('|', chr(92) + '|')} |\n"


def title_of(message, declared, language):
    """The keys under which the message stands in the file."""
    if message.name == PLACEMENT:
        return f"<a id=\"of-every-instance\"></a>{OF_EVERY[language]}"
    keys = dict.fromkeys(f"`{field.name}`" for other in declared.messages.values()
                         for field in other.fields if field.kind == message.name)
    return f"<a id=\"{message.name.lower()}\"></a>{', '.join(keys)}"


def page(declared, language, table):
    text = HEADS[language]
    for message in declared.messages.values():
        if message.name == FILE:
            continue
        if message.name != ROOT_MESSAGE:
            text += f"\n## {title_of(message, declared, language)}\n"
        if message.comment and language == "en" and message.name != ROOT_MESSAGE:
            text += f"\n{message.comment}\n"
        text += TABLES[language]
        text += "".join(row(message, field, declared, language, table) for field in keys_of(message))
    return text


def pages(root):
    declared = protos.read(root, pathlib.Path(PROTO).name)
    return {path: page(declared, language, chinese(root)) for language, path in PAGES.items()}


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    if said := problems(root):
        sys.exit("\n".join(said))
    for path, text in pages(root).items():
        (root / path).write_text(text)


if __name__ == "__main__":
    main()

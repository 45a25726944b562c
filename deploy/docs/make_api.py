#!/usr/bin/env python3
"""Writes deploy/docs/en/api.md of what proto/dmgr/v1 declares: services, calls, who may make them,
messages with all their fields; and the Chinese page of services and calls, with what the table
zh/api.tsv says of each (service or service/call, words; by a tab).

  make_api.py [ROOT]
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True

import protos  # noqa: E402

PAGE = "deploy/docs/en/api.md"
CHINESE_PAGE = "deploy/docs/zh/api.md"
CHINESE = "deploy/docs/zh/api.tsv"
HEAD = """# API

Made of `proto/dmgr/v1` by `deploy/docs/make_api.py`. How to generate code of it, and examples:
[proto/README.md](../../../proto/README.md); by hand: [grpcurl](grpcurl.md).

Package `dmgr.v1`, gRPC, port 9527. Every call but Login carries `authorization: Bearer TOKEN`, or comes with a
certificate. What is common to all calls:

- **Units**: `google.protobuf.Duration` and `Timestamp` for time, `bytes` in names for sizes, `percent` of 100.
  JSON writes a duration as `"90s"`, a timestamp as `"2026-11-22T21:30:05Z"`, 64-bit numbers as text.
- **Changes** have `request_id`, a UUID: a repeat with the same one gets the first answer and does nothing twice;
  and `validate_only`: everything is checked, nothing is changed.
- **Lists** have `page_size` and `page_token`; `next_page_token` is empty at the end.
- **Errors** carry `google.rpc.ErrorInfo` (reason, domain, values), `google.rpc.BadRequest` (fields) and
  `dmgr.v1.NextActions` (calls that help) in `grpc-status-details-bin`. A reason keeps its meaning:
  [all of them](reasons.md).
- **Secret** fields are sealed or hashed, and never returned, logged or echoed.
- **Required** fields must be set; **output only** ones are ignored in requests.

*may be called by*: the least role. *for*: of what the caller needs it: the clusters that the named fields hold,
the cluster of the operation, or everything; *filtered*: the answer has what the caller may see. *audited*: it
changes something, and each call is in the audit log.
"""
CHINESE_HEAD = """# API

本页由 `deploy/docs/make_api.py` 根据 `proto/dmgr/v1` 与 `deploy/docs/zh/api.tsv` 生成。每个消息的全部字段见[英文版](../en/api.md)，
本页的消息名链接到那里。生成代码的方法与示例见 [proto/README.md](../../../proto/README.md)；手工调用见 [grpcurl](grpcurl.md)。

包 `dmgr.v1`，gRPC，端口 9527。除 Login 外，每个调用都带 `authorization: Bearer TOKEN`，或出示客户端证书。所有调用的共同点：

- **单位**：时间用 `google.protobuf.Duration` 与 `Timestamp`，名称中的 `bytes` 为字节数，`percent` 为百分之几。
  JSON 中时长写作 `"90s"`，时间戳写作 `"2026-11-22T21:30:05Z"`，64 位整数写作文本。
- **更改**带有 `request_id` (UUID)：用同一个值重复调用会得到第一次的回答，不会做第二遍；
  带 `validate_only` 时只做全部校验，不做任何更改。
- **列表**带有 `page_size` 与 `page_token`；`next_page_token` 为空表示已到末尾。
- **错误**在 `grpc-status-details-bin` 中带有 `google.rpc.ErrorInfo`（原因、域、值）、`google.rpc.BadRequest`（字段）
  和 `dmgr.v1.NextActions`（有帮助的调用）。原因的含义不会改变：[全部原因](reasons.md)。
- **机密**字段 (secret) 以密文或散列保存，从不返回、记录或回显。
- **必填**字段 (required) 必须设置；**只输出**字段 (output only) 在请求中会被忽略。

*可调用者*：至少需要的角色。*针对*：角色须覆盖的范围，即所列字段中的集群、操作所属的集群或全部；*过滤*：只返回调用者可见的内容。
*审计*：该调用做出更改，每次都写入审计日志。
"""
# Of who may call.
ROLE_WORDS = {
    "en": {"everybody": "everybody", "cluster": "for the cluster of {}", "comma": ", ",
           "operation": "for the operation's cluster", "filtered": "filtered", "mutates": "audited",
           "hosts": "logs in to hosts, audited", "session": "by a session only", "semicolon": "; "},
    "zh": {"everybody": "所有人", "cluster": "针对 {} 的集群", "comma": "、",
           "operation": "针对操作所属的集群", "filtered": "过滤", "mutates": "审计",
           "hosts": "登录到主机，审计", "session": "仅限会话", "semicolon": "；"},
}
NOTES = (("REQUIRED", "required"), ("OUTPUT_ONLY", "output only"), ("IMMUTABLE", "immutable"),
         ("INPUT_ONLY", "input only"), ("sensitive", "secret"))


def anchor(name):
    return name.lower().replace(".", "-")


def role_words(method, language="en"):
    """Who may call it, and what is to be known of that."""
    said = ROLE_WORDS[language]
    access = re.sub(r"\s", "", method.access)
    if "without_session:true" in access:
        words = [said["everybody"]]
    else:
        words = [re.search(r"role:ROLE_(\w+?)(?:[,}]|$)", access).group(1).lower()]
    fields = re.findall(r'(?:cluster_fields:(\[[^]]*\]|"[^"]*"))', access)
    names = re.findall(r'"([^"]*)"', "".join(fields))
    if names:
        words.append(said["cluster"].format(said["comma"].join(f"`{name}`" for name in names)))
    for option, word in (("operation_field:", "operation"), ("filtered:true", "filtered"),
                         ("mutates:true", "mutates"), ("reaches_hosts:true", "hosts"),
                         ("session_only:true", "session")):
        if option in access:
            words.append(said[word])
    return said["semicolon"].join(words)


def link(kind, declared):
    if kind in declared.messages or kind in declared.enums:
        return f"[{kind}](#{anchor(kind)})"
    return f"`{kind}`"


class Page:
    def __init__(self, declared):
        self.declared = declared
        self.lines = [HEAD]

    def kind_words(self, field, message):
        kind = field.kind
        if f"{message.name}.{kind}" in {**self.declared.messages, **self.declared.enums}:
            kind = f"{message.name}.{kind}"
        if pair := re.fullmatch(r"map<(\w+),([\w.]+)>", kind):
            return f"map of `{pair.group(1)}` to {link(pair.group(2), self.declared)}"
        return ("list of " if field.repeated else "") + link(kind, self.declared)

    def add_method(self, method):
        given = "a stream of " if method.takes_stream else ""
        taken = "a stream of " if method.gives_stream else ""
        self.lines.append(f"\n### {method.name}\n\n{given}{link(method.request, self.declared)} → "
                          f"{taken}{link(method.response, self.declared)}; may be called by: "
                          f"{role_words(method)}.\n")
        if method.comment:
            self.lines.append(f"\n{method.comment}\n")

    def add_message(self, message):
        self.lines.append(f"\n### <a id=\"{anchor(message.name)}\"></a>{message.name}\n")
        if message.comment:
            self.lines.append(f"\n{message.comment}\n")
        if not message.fields:
            self.lines.append("\nNo fields.\n")
            return
        self.lines.append("\n| field | type | |\n| --- | --- | --- |\n")
        for field in message.fields:
            notes = [word for option, word in NOTES if option in field.options]
            notes += [f"one of `{field.oneof}`"] if field.oneof else []
            text = " ".join(filter(None, [f"*{', '.join(notes)}.*" if notes else "", field.comment]))
            self.lines.append(f"| `{field.name}` | {self.kind_words(field, message)} | "
                              f"{text.replace('|', chr(92) + '|')} |\n")

    def add_enum(self, enum):
        self.lines.append(f"\n### <a id=\"{anchor(enum.name)}\"></a>{enum.name}\n")
        if enum.comment:
            self.lines.append(f"\n{enum.comment}\n")
        if enum.name == "ErrorReason":
            self.lines.append("\n[Reasons of errors](reasons.md).\n")
            return
        self.lines.append("\n| value | number | |\n| --- | --- | --- |\n")
        self.lines += [f"| `{value.name}` | {value.number} | {value.comment} |\n"
                       for value in enum.values]

    def text(self):
        self.lines.append("\n## Services\n\n")
        services = sorted_services(self.declared)
        self.lines += [f"- [{one.name}](#{anchor(one.name)}): "
                       f"{', '.join(method.name for method in one.methods)}\n" for one in services]
        for service in services:
            self.lines.append(f"\n## {service.name}\n")
            if service.comment:
                self.lines.append(f"\n{service.comment}\n")
            for method in service.methods:
                self.add_method(method)
        self.lines.append("\n## Messages\n")
        for _, message in sorted(self.declared.messages.items()):
            self.add_message(message)
        self.lines.append("\n## Enums\n")
        for _, enum in sorted(self.declared.enums.items()):
            self.add_enum(enum)
        return "".join(self.lines)


def sorted_services(declared):
    return [one for _, one in sorted(declared.services.items())]


def chinese(root):
    """The words of the table, by service or service/call; one that is there twice is a ValueError."""
    found = {}
    for line in (root / CHINESE).read_text().splitlines():
        name, _, text = line.partition("\t")
        if name in found:
            raise ValueError(f"{CHINESE}: {name} is there twice")
        found[name] = text.strip()
    return found


def chinese_text(declared, words):
    lines = [CHINESE_HEAD, "\n## 服务\n\n"]
    services = sorted_services(declared)
    lines += [f"- [{one.name}](#{anchor(one.name)})：{words[one.name]}\n" for one in services]
    for service in services:
        lines.append(f"\n## {service.name}\n\n{words[service.name]}\n\n"
                     "| 调用 | 说明 | 请求 → 响应 | 可调用者 |\n| --- | --- | --- | --- |\n")
        for method in service.methods:
            parts = [("流式 " if stream else "") + f"[{name}](../en/api.md#{anchor(name)})"
                     for name, stream in ((method.request, method.takes_stream),
                                          (method.response, method.gives_stream))]
            lines.append(f"| `{method.name}` | {words[f'{service.name}/{method.name}']} | "
                         f"{' → '.join(parts)} | {role_words(method, 'zh')} |\n")
    return "".join(lines)


def problems(root):
    declared = protos.read(root)
    said = [f"proto/dmgr/v1: {service.name}/{method.name} has no option (access)"
            for service in declared.services.values() for method in service.methods
            if "access" not in method.access]
    wanted = {name for service in declared.services.values()
              for name in (service.name, *(f"{service.name}/{one.name}" for one in service.methods))}
    words = chinese(root)
    said += [f"{CHINESE}: no row for {name}" for name in sorted(wanted - set(words))]
    said += [f"{CHINESE}: {name} is not in proto/dmgr/v1" for name in sorted(set(words) - wanted)]
    said += [f"{CHINESE}: {name} needs words, by a tab" for name in sorted(words) if not words[name]]
    return said


def pages(root):
    declared = protos.read(root)
    return {PAGE: Page(declared).text(), CHINESE_PAGE: chinese_text(declared, chinese(root))}


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    if said := problems(root):
        sys.exit("\n".join(said))
    for path, text in pages(root).items():
        (root / path).write_text(text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes deploy/docs/en/api.md of what proto/dmgr/v1 declares: services, calls, who may make them,
messages with all their fields.

  make_api.py [ROOT]
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True

import protos  # noqa: E402

PAGE = "deploy/docs/en/api.md"
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
NOTES = (("REQUIRED", "required"), ("OUTPUT_ONLY", "output only"), ("IMMUTABLE", "immutable"),
         ("INPUT_ONLY", "input only"), ("sensitive", "secret"))


def anchor(name):
    return name.lower().replace(".", "-")


def role_words(method):
    """Who may call it, and what is to be known of that."""
    access = re.sub(r"\s", "", method.access)
    if "without_session:true" in access:
        words = ["everybody"]
    else:
        words = [re.search(r"role:ROLE_(\w+?)(?:[,}]|$)", access).group(1).lower()]
    fields = re.findall(r'(?:cluster_fields:(\[[^]]*\]|"[^"]*"))', access)
    names = re.findall(r'"([^"]*)"', "".join(fields))
    if names:
        words.append("for the cluster of " + ", ".join(f"`{name}`" for name in names))
    if "operation_field:" in access:
        words.append("for the operation's cluster")
    for option, said in (("filtered:true", "filtered"), ("mutates:true", "audited"),
                         ("reaches_hosts:true", "logs in to hosts, audited"),
                         ("session_only:true", "by a session only")):
        if option in access:
            words.append(said)
    return "; ".join(words)


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
        services = [one for _, one in sorted(self.declared.services.items())]
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


def problems(root):
    declared = protos.read(root)
    return [f"proto/dmgr/v1: {service.name}/{method.name} has no option (access)"
            for service in declared.services.values() for method in service.methods
            if "access" not in method.access]


def pages(root):
    return {PAGE: Page(protos.read(root)).text()}


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    if said := problems(root):
        sys.exit("\n".join(said))
    for path, text in pages(root).items():
        (root / path).write_text(text)


if __name__ == "__main__":
    main()

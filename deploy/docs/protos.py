#!/usr/bin/env python3
"""What the files of proto/dmgr/v1 declare, with their comments, for the scripts that make pages of them."""
import collections
import re

FOLDER = "proto/dmgr/v1"

Field = collections.namedtuple("Field", "name kind repeated options comment oneof")
Message = collections.namedtuple("Message", "name comment fields")
Value = collections.namedtuple("Value", "name number comment")
Enum = collections.namedtuple("Enum", "name comment values")
Method = collections.namedtuple("Method", "name request response takes_stream gives_stream access comment")
Service = collections.namedtuple("Service", "name comment methods")

TOKEN = re.compile(r"//[^\n]*|\"(?:[^\"\\]|\\.)*\"|[\w.]+|\S|\n\s*\n")


class Tokens:
    """The words of a file; remembers the comment that stands right before the next one."""

    def __init__(self, text):
        self.all = TOKEN.findall(text)
        self.at = 0
        self.comment = []

    def peek(self):
        while self.at < len(self.all):
            word = self.all[self.at]
            if word.startswith("//"):
                self.comment.append(word[2:].strip())
            elif word.strip():
                return word
            else:
                # A blank line ends a comment that is about nothing.
                self.comment = []
            self.at += 1
        return ""

    def take(self):
        word = self.peek()
        self.at += 1
        return word

    def take_comment(self):
        """That before the next word."""
        self.peek()
        text, self.comment = " ".join(self.comment), []
        return text

    def until(self, *ends):
        """The words up to one of these, outside of brackets, and that one."""
        words, depth = [], 0
        while True:
            word = self.take()
            self.comment = []
            if not word:
                raise ValueError(f"the end where one of {ends} was expected")
            if depth == 0 and word in ends:
                return words, word
            depth += {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}.get(word, 0)
            words.append(word)


class Declared:
    def __init__(self):
        self.messages, self.enums, self.services = {}, {}, {}

    def read(self, text):
        tokens = Tokens(text)
        while True:
            comment = tokens.take_comment()
            word = tokens.take()
            if not word:
                return
            if word in ("message", "enum", "service"):
                getattr(self, "read_" + word)(tokens, tokens.take(), comment)
            elif word == "extend":
                tokens.until("{")
                tokens.until("}")
            else:
                tokens.until(";")

    def read_message(self, tokens, name, comment):
        fields = []
        tokens.take()
        oneof = ""
        while True:
            about = tokens.take_comment()
            word = tokens.take()
            if word == "}":
                if not oneof:
                    break
                oneof = ""
            elif word in ("message", "enum"):
                getattr(self, "read_" + word)(tokens, f"{name}.{tokens.take()}", about)
            elif word == "oneof":
                oneof = tokens.take()
                tokens.take()
            elif word in ("reserved", "option"):
                tokens.until(";")
            else:
                words, _ = tokens.until(";")
                fields.append(field_of([word, *words], about, oneof))
        self.messages[name] = Message(name, comment, fields)

    def read_enum(self, tokens, name, comment):
        values = []
        tokens.take()
        while True:
            about = tokens.take_comment()
            word = tokens.take()
            if word == "}":
                break
            words, _ = tokens.until(";")
            if word not in ("reserved", "option"):
                values.append(Value(word, int(words[1]), about))
        self.enums[name] = Enum(name, comment, values)

    def read_service(self, tokens, name, comment):
        methods = []
        tokens.take()
        while True:
            about = tokens.take_comment()
            if tokens.take() == "}":
                break
            called = tokens.take()
            words, end = tokens.until(";", "{")
            options = tokens.until("}")[0] if end == "{" else []
            before, after = words[:words.index("returns")], words[words.index("returns"):]
            methods.append(Method(called, before[-2], after[-2], "stream" in before,
                                  "stream" in after, " ".join(options), about))
        self.services[name] = Service(name, comment, methods)


def field_of(words, comment, oneof):
    options = " ".join(words[words.index("["):]) if "[" in words else ""
    name = words[words.index("=") - 1]
    kind = words[:words.index("=") - 1]
    repeated = kind[0] == "repeated"
    plain = "".join(word for word in kind if word not in ("repeated", "optional"))
    return Field(name, plain, repeated, options, comment, oneof)


def read(root, pattern="*.proto"):
    declared = Declared()
    for path in sorted((root / FOLDER).glob(pattern)):
        declared.read(path.read_text())
    return declared

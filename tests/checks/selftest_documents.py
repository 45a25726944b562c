#!/usr/bin/env python3
"""The check of the documents finds what it is for, and what makes their pages is right."""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parents[1] / "deploy/docs")]

import documents  # noqa: E402
import make_api  # noqa: E402
import make_reasons  # noqa: E402
import make_topology  # noqa: E402
from tree import Tree  # noqa: E402


class Documents(Tree):
    def setUp(self):
        super().setUp()
        self.write("deploy/docs/make_page.py",
                   "def problems(root):\n    return []\n\n\ndef pages(root):\n"
                   "    return {'deploy/docs/en/a.md': 'made', 'deploy/docs/zh/a.md': 'made'}\n")
        for language in ("en", "zh"):
            self.write(f"deploy/docs/{language}/a.md", "made")

    def test_pages_are_made_and_there_in_both_languages(self):
        self.assertEqual(documents.check(self.root), [])
        self.write("deploy/docs/zh/a.md", "by hand")
        self.assertEqual(len(documents.check(self.root)), 1)
        (self.root / "deploy/docs/zh/a.md").unlink()
        self.assertEqual(len(documents.check(self.root)), 2)

    def test_links_lead_somewhere(self):
        for language in ("en", "zh"):
            self.write(f"deploy/docs/{language}/b.md", "[a](a.md#x) [web](https://example.com)")
        self.assertEqual(documents.check(self.root), [])
        self.write("deploy/docs/zh/b.md", "[c](c.md)")
        self.assertEqual(len(documents.check(self.root)), 1)

    def test_what_is_named_is_declared(self):
        self.write("proto/dmgr/v1/a.proto", """enum ErrorReason { ERROR_REASON_TOO_LATE = 1; }
            message DoRequest { string when = 1; } message DoResponse {}
            service A { rpc Do(DoRequest) returns (DoResponse) { option (access) = { role: ROLE_ADMIN }; } }
            """)
        call = "grpcurl -d '{\"when\": \"now\"}' dmgr.v1.A/Do"
        for text, problems in ((f"`{call}` TOO_LATE", 0), (call.replace("when", "who"), 1),
                               (call.replace("/Do", "/Undo"), 2), ("TOO_EARLY", 1)):
            for language in ("en", "zh"):
                self.write(f"deploy/docs/{language}/c.md", "" if language == "zh" else text)
            self.assertEqual(len(documents.check(self.root)), problems, text)

    def test_what_a_page_is_made_of_is_complete(self):
        self.write("deploy/docs/make_page.py", "def problems(root):\n    return ['no row']\n")
        self.assertEqual(documents.check(self.root), ["no row"])


class ReasonPages(Tree):
    COMMENT = "  // Held.\n  // Remedy: Wait.\n"

    def problems(self, comment, table):
        self.write(make_reasons.PROTO, "enum ErrorReason {\n  ERROR_REASON_UNSPECIFIED = 0;\n"
                                 f"{comment}  ERROR_REASON_BUSY = 1;\n}}\n")
        self.write(make_reasons.CHINESE, table)
        return make_reasons.problems(self.root)

    def test_each_reason_is_explained_in_both_languages(self):
        row = "BUSY\tzh\tzh\n"
        self.assertEqual(self.problems(self.COMMENT, row), [])
        self.assertEqual(len(self.problems("", row)), 1)
        self.assertEqual(len(self.problems("  // Held.\n", row)), 1)
        self.assertEqual(len(self.problems(self.COMMENT, "")), 1)
        self.assertEqual(len(self.problems(self.COMMENT, "BUSY\tzh\n")), 1)
        self.assertEqual(len(self.problems(self.COMMENT, row + "GONE\tzh\tzh\n")), 1)


class PagesOfProto(Tree):
    TOPOLOGY = """// A topology.
message Topology {
  // Hosts.
  repeated Server servers = 1;
}
// One of several.
message Server {
  // Its port; default 1.
  uint32 port = 1;%s
}
"""

    def test_each_key_is_explained_in_both_languages(self):
        self.write(make_topology.PROTO, self.TOPOLOGY % "")
        self.write(make_topology.CHINESE, "Topology.servers\tzh\nServer.port\tzh\n")
        self.assertEqual(make_topology.problems(self.root), [])
        self.assertIn("| `port` | number | Its port; default 1. |",
                      make_topology.pages(self.root)["deploy/docs/en/topology.md"])
        self.write(make_topology.PROTO, self.TOPOLOGY % "\n  string name = 2;")
        self.assertEqual(len(make_topology.problems(self.root)), 2)

    def test_the_api_has_services_with_rights_and_fields_with_notes(self):
        self.write("proto/dmgr/v1/a.proto", """
// Of time.
service A {
  // Does it.
  rpc Do(DoRequest) returns (stream DoResponse) {
    option (access) = { role: ROLE_OPERATOR, mutates: true, cluster_fields: "name" };
  }
}
message DoRequest {
  oneof part {
    // Which one.
    string name = 1 [(google.api.field_behavior) = REQUIRED, (sensitive) = true];
  }
  map<string, DoResponse> more = 2;
}
message DoResponse {}
""")
        self.write(make_api.CHINESE, "A\t关于时间。\nA/Do\t执行。\n")
        self.assertEqual(make_api.problems(self.root), [])
        text = make_api.pages(self.root)["deploy/docs/en/api.md"]
        for line in ("[DoRequest](#dorequest) → a stream of [DoResponse](#doresponse); may be called by: "
                     "operator; for the cluster of `name`; audited.", "Does it.", "Of time.",
                     "| `name` | `string` | *required, secret, one of `part`.* Which one. |",
                     "| `more` | map of `string` to [DoResponse](#doresponse) |"):
            self.assertIn(line, text)
        chinese = make_api.pages(self.root)["deploy/docs/zh/api.md"]
        self.assertIn("| `Do` | 执行。 | [DoRequest](../en/api.md#dorequest) → 流式 "
                      "[DoResponse](../en/api.md#doresponse) | operator；针对 `name` 的集群；审计 |", chinese)
        for table, problems in (("A\t关于时间。\n", 1), ("A\t关于时间。\nA/Do\t\n", 1),
                                ("A\t关于时间。\nA/Do\t执行。\nA/Undo\t撤销。\n", 1)):
            self.write(make_api.CHINESE, table)
            self.assertEqual(len(make_api.problems(self.root)), problems, table)


if __name__ == "__main__":
    unittest.main()

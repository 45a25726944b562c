#!/usr/bin/env python3
"""The checks find what they are for, and the runner of tests counts right."""
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import binaries  # noqa: E402
import house  # noqa: E402
import includes  # noqa: E402
import reasons  # noqa: E402
import roles  # noqa: E402
import run_programs  # noqa: E402
from tree import Tree  # noqa: E402


def guarded(name, text=""):
    return "#ifndef {0}\n#define {0}\n{1}\n#endif\n".format(house.guard_of(name), text)


class Reasons(Tree):
    def setUp(self):
        super().setUp()
        self.write(reasons.PROTO, "enum ErrorReason {\n  ERROR_REASON_UNSPECIFIED = 0;\n"
                                  "  ERROR_REASON_BUSY = 1;\n}\n")

    def problems(self, *errors):
        self.write("server/a.cc", "\n".join(f"return Error({error}, \"no\");" for error in errors))
        return reasons.check(self.root)

    def test_each_reason_is_known_and_has_one_code(self):
        busy = 'absl::StatusCode::kAborted, "BUSY"'
        self.assertEqual(self.problems(busy, busy), [])
        self.assertEqual(len(self.problems('absl::StatusCode::kAborted,\n  "LAZY"')), 1)
        self.assertEqual(len(self.problems(busy, 'StatusCode::kInternal, "BUSY"')), 1)


    def test_a_call_that_helps_is_told_what_it_knows(self):
        self.write("proto/dmgr/v1/a.proto", "message StopClusterRequest {\n  string cluster_name = 1;\n"
                   "  bool skip_unreachable = 2;\n}\nmessage PruneClusterRequest {\n"
                   "  string cluster_name = 1;\n}\n")
        for text, count in (
                ('.Next(v1::ACTION_STOP_CLUSTER, {{"cluster_name", a}, {"skip_unreachable", "true"}})', 0),
                ('.Next(v1::ACTION_PRUNE_CLUSTER, {{"cluster_name", a},\n  {"force", "true"}})', 1),
                ('Skipping(v1::ACTION_STOP_CLUSTER, request.cluster_name())', 0),
                ('Skipping(v1::ACTION_PRUNE_CLUSTER, request.cluster_name())', 1),
                ('MakeNextAction(v1::ACTION_UNHEARD_OF, {{"cluster_name", a}})', 1)):
            self.write("server/a.cc", text)
            self.assertEqual(len(reasons.check(self.root)), count, text)


class Binaries(Tree):
    SOURCE = """#include <string.h>
int main(int argc, char** argv) {
  char text[64];
  return strcpy(text, argv[argc - 1]) == 0;
}
"""
    HARDENED = ["-O2", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro,-z,now"]

    def problems(self, *options):
        self.write("a.c", self.SOURCE)
        subprocess.run(["gcc", "-w", *options, "-o", "a", "a.c"], check=True, cwd=self.root)
        return [text.split(": ", 1)[1] for text in binaries.check(self.root / "a")]

    def test_what_is_hardened(self):
        self.assertEqual(self.problems(*self.HARDENED), [])
        self.assertEqual(self.problems("-static-pie", "-s", *self.HARDENED), [])

    def test_each_that_is_missing(self):
        for options, word in ((["-no-pie"], "PIE"), (["-Wl,-z,norelro"], "relro"),
                              (["-Wl,-z,lazy"], "now"), (["-Wl,-z,execstack"], "stack"),
                              (["-fno-stack-protector"], "protector"),
                              (["-U_FORTIFY_SOURCE"], "FORTIFY"),
                              (["-Wl,-rpath,/tmp"], "libraries")):
            found = self.problems(*self.HARDENED, *options)
            self.assertTrue(any(word in text for text in found), (options, found))


class Roles(Tree):
    def problems(self, options, table_options=None):
        proto = "service AService {{\n  // Text; more.\n  rpc Do(A) returns (B) {{\n    option (access) = {{ {} }};\n  }}\n}}\n"
        self.write("proto/dmgr/v1/a.proto", proto.format(table_options or options))
        self.write(roles.DOCUMENT, roles.BEGIN + roles.table(self.root) + roles.END)
        self.write("proto/dmgr/v1/a.proto", proto.format(options))
        return roles.check(self.root)

    def test_the_table_is_what_is_declared(self):
        self.assertEqual(self.problems("role: ROLE_ADMIN, mutates: true"), [])
        self.assertEqual(len(self.problems("role: ROLE_ADMIN", "role: ROLE_VIEWER")), 1)
        self.assertEqual(len(self.problems("role: ROLE_ADMIN, mutates: true", "role: ROLE_ADMIN")), 1)
        self.assertEqual(len(self.problems('role: ROLE_ADMIN, cluster_fields: "a"', "role: ROLE_ADMIN")), 1)
        self.assertEqual(len(self.problems("role: ROLE_ADMIN, session_only: true", "role: ROLE_ADMIN")), 1)
        self.assertIn("| none | AService: Do |",
                      (self.problems("without_session: true"), roles.table(self.root))[1])


class Includes(Tree):
    def problems(self, name, line):
        self.write(name, line + "\n")
        return includes.check(self.root)

    def test_what_may_be_included(self):
        for name, header in [
                ("server/operations/steps/host.cc", "server/host/near/far_end.h"),
                ("server/operations/plan/parts.cc", "dmgr/host/v1/host.pb.h"),
                ("server/operations/deploy/steps.cc", "server/operations/deploy/plan.h"),
                ("server/operations/deploy/steps.cc", "server/operations/steps/runner.h"),
                ("server/operations/deploy/deploy.cc", "server/operations/calls/submit.h"),
                ("server/operations/catalog.cc", "server/operations/deploy/deploy.h"),
                ("server/rpc/cluster.cc", "server/operations/deploy/deploy.h"),
                ("server/clusters/record.cc", "server/resources/resources.h"),
                ("server/store/pg.cc", "server/topology/topology.h"),
                ("server/store/pg.cc", "server/store/pg.h"),
                ("server/rpc/guard.cc", "common/grpc_status.h"),
                ("server/rpc/guard.cc", "dmgr/v1/auth_service.grpc.pb.h"),
                ("server/main.cc", "server/rpc/server.h"),
                ("server/host/far/main.cc", "dmgr/host/v1/host.pb.h"),
                ("server/host/far/state/release.cc", "server/host/far/base/fd.h"),
                ("server/host/far/main.cc", "server/host/far/actions/actions.h"),
                ("client/commands/package.cc", "common/package/build.h"),
                ("server/package/package.cc", "common/package/release.h"),
                ("common/package/build.cc", "archive.h"),
                ("common/error.cc", "google/rpc/status.pb.h"),
                ("server/topology/values.cc", "common/address.h"),
                ("templates/defaults.h", "common/version.h"),
                ("tests/unit/x.cc", "server/rpc/guard.h")]:
            self.assertEqual(self.problems(name, f'#include "{header}"'), [], (name, header))

    def test_what_may_not(self):
        for name, header in [
                ("server/store/up.cc", "server/engine/engine.h"),
                ("server/engine/up.cc", "server/operations/plan/parts.h"),
                ("server/operations/up.cc", "server/rpc/guard.h"),
                ("server/operations/steps/up.cc", "server/operations/deploy/deploy.h"),
                ("server/operations/plan/up.cc", "server/operations/steps/runner.h"),
                ("server/operations/steps/sideways.cc", "server/operations/calls/submit.h"),
                ("server/operations/deploy/sideways.cc", "server/operations/scale/scale.h"),
                ("server/operations/catalog.cc", "server/operations/deploy/plan.h"),
                ("server/rpc/private.cc", "server/operations/deploy/plan.h"),
                ("server/clusters/up.cc", "server/operations/plan/parts.h"),
                ("server/machines/sideways.cc", "server/warehouse/uploads.h"),
                ("server/rpc/up.cc", "server/config.h"),
                ("server/store/sideways.cc", "server/auth/tokens.h"),
                ("server/engine/sideways.cc", "server/host/near/far_end.h"),
                ("server/topology/sideways.cc", "templates/defaults.h"),
                ("common/sideways.cc", "templates/defaults.h"),
                ("server/host/far/out.cc", "common/error.h"),
                ("server/host/far/base/up.cc", "server/host/far/state/fence.h"),
                ("server/host/far/actions/up.cc", "server/host/far/server.h"),
                ("server/host/far/main.cc", "server/host/far/attic/thing.h"),
                ("server/host/far/attic/thing.cc", "cstdio"),
                ("server/host/far/out.cc", "dmgr/v1/auth_service.pb.h"),
                ("server/operations/grpc.cc", "common/grpc_status.h"),
                ("server/operations/grpc.cc", "grpcpp/grpcpp.h"),
                ("server/operations/grpc.cc", "dmgr/v1/auth_service.grpc.pb.h"),
                ("server/engine/pq.cc", "pqxx/pqxx"),
                ("server/host/near/ssh.cc", "libssh/libssh.h"),
                ("server/operations/tar.cc", "archive.h"),
                ("server/ssh/client.cc", "client/terminal.h"),
                ("client/output/store.cc", "server/store/database.h"),
                ("client/commands/package.cc", "server/package/package.h"),
                ("common/package/up.cc", "server/package/package.h"),
                ("common/up.cc", "common/package/release.h"),
                ("client/output/store.cc", "server/topology/topology.h"),
                ("server/rpc/test.cc", "tests/support/lab.h"),
                ("server/render/quoting.cc", "regex"),
                ("server/store/attic.cc", "server/attic/thing.h"),
                ("server/attic/thing.cc", "cstdio")]:
            problems = self.problems(name, f'#include "{header}"')
            self.assertEqual(len(problems) > 0, True, (name, header))
            (self.root / name).unlink()
            self.assertEqual(includes.check(self.root), [])

    def test_a_header_may_say_that_it_is_private(self):
        self.write("server/topology/draft.h", "// A draft. Private to this room.\n")
        self.assertEqual(self.problems("server/topology/a.cc", '#include "server/topology/draft.h"'),
                         [])
        self.assertTrue(self.problems("server/store/a.cc", '#include "server/topology/draft.h"'))

    def test_spaces_and_brackets_hide_nothing(self):
        self.assertTrue(self.problems("server/store/a.cc", "  #  include <server/rpc/guard.h>"))

    def test_an_empty_tree_is_a_problem(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertTrue(includes.check(pathlib.Path(empty)))


class House(Tree):
    def test_what_is_fine(self):
        self.write("server/store/pg.h", guarded("server/store/pg.h"))
        self.write("common/grpc_status.cc", "grpc::Status(code, text);\n")
        self.write("server/rpc/long.cc", "\n" * 400)
        self.write("proto/dmgr/v1/cluster_service.proto", "\n" * 600)
        self.write(house.CATALOG, "\n" * 1200)
        self.assertEqual(house.check(self.root), [])

    def test_what_is_not(self):
        for name, text in [
                ("server/store/guard.h", "#pragma once\n"),
                ("server/rpc/status.cc", "return grpc::Status(code, text);\n"),
                ("server/rpc/speaks.cc", 'Remedy("start it: dmgrctl cluster start x");\n'),
                ("server/operations/a/words.cc", 'error.Remedy(\n  "wait; or take --force");\n'),
                ("server/rpc/threads.cc", "auto one = std::thread([] { Work(); });\n"),
                ("server/rpc/threads.cc", "std::jthread one(Work);\n"),
                ("server/rpc/json.cc", "const auto j = nlohmann::json::parse(body);\n"),
                ("server/rpc/unfinished.cc", "// TO" + "DO: later\n"),
                ("server/rpc/long.cc", "\n" * 401),
                ("proto/dmgr/v1/cluster_service.proto", "\n" * 601),
                ("server/rpc/CMakeLists.txt", "file(GLOB sources *.cc)\n"),
                ("tests/CMakeLists.txt", "if(EXISTS ${room})\n"),
                ("server/store/migrations/V001__init.sql", ""),
                ("notes.txt", "")]:
            self.write(name, text)
            self.assertEqual(len(house.check(self.root)), 1, name)
            (self.root / name).unlink()


PROGRAMS = {
    "good": "echo 'All tests passed (12 assertions in 3 test cases)'",
    "bad": """
        line=$(printf -- '-%.0s' {1..79})
        echo "$line"; echo 'a case'; echo '  a section'; echo "$line"; echo a_test.cc:5
        echo 'a_test.cc:7: FAILED:'; echo '  CHECK( a == b )'; echo
        echo 'test cases: 5 | 3 passed | 2 failed'
        echo 'assertions: 9 | 6 passed | 3 failed'
        exit 2""",
    "crash": "kill -SEGV $$",
    "liar": "echo 'All tests passed (1 assertion in 1 test case)'; exit 3",
    "empty": "echo 'No tests ran'",
    "slow": "sleep 1000 & echo $! >\"$0.child\"; wait",
}


class Runner(Tree):
    def run_one(self, name):
        path = self.root / name
        path.write_text("#!/bin/bash\n" + textwrap.dedent(PROGRAMS[name]) + "\n")
        path.chmod(0o755)
        run = run_programs.Run(run_programs.Program("unit", str(path)), self.root / "logs", 1)
        run.start()
        while not run.ended():
            time.sleep(0.02)
        return run.passed, run.failed

    def test_counts(self):
        self.assertEqual(self.run_one("good"), (3, 0))
        self.assertEqual(self.run_one("bad"), (3, 2))
        self.assertEqual(self.run_one("crash"), (0, 1))
        self.assertEqual(self.run_one("liar"), (1, 1))
        self.assertEqual(self.run_one("empty"), (0, 1))

    def test_time_is_limited_for_children_too(self):
        self.assertEqual(self.run_one("slow"), (0, 1))
        child = pathlib.Path("/proc", (self.root / "slow.child").read_text().strip())
        deadline = time.monotonic() + 10
        while child.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertFalse(child.exists())

    def test_the_closing_line_and_the_exit_status(self):
        programs = []
        for name in ("good", "bad"):
            path = self.root / name
            path.write_text("#!/bin/bash\n" + textwrap.dedent(PROGRAMS[name]) + "\n")
            path.chmod(0o755)
            programs.append(f"unit {path}")
        (self.root / "list").write_text("\n".join(programs) + "\n")
        ran = subprocess.run(
            [str(HERE.parent / "support" / "run_programs.py"), str(self.root / "list"),
             str(self.root / "logs"), "--checks", str(self.root / "none"), "unit"],
            check=False, capture_output=True, text=True)
        self.assertEqual(ran.stdout.splitlines()[-1], "6 passed, 2 failed")
        self.assertEqual(ran.returncode, 1)
        self.assertEqual(ran.stdout.splitlines()[-3:-1],
                         ["failed: bad: a case (a_test.cc:7)", "  CHECK( a == b )"])


if __name__ == "__main__":
    unittest.main()

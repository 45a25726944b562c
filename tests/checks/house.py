#!/usr/bin/env python3
"""Small rules of the house that a compiler does not know.

  house.py [ROOT]
"""
import pathlib
import re
import subprocess
import sys

TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "README.md", "proto", "server", "client",
             "common", "templates", "deploy", "tests"}
SOURCES = (".cc", ".h", ".proto", ".py", ".sh", ".sql", ".cmake", "CMakeLists.txt")
# Lines of a file. The exceptions may have up to the second number: a service's declarations, which
# are read as one reference, the statements about one table group, and one subject's tests.
LONG, TOO_LONG = 400, 600
EXCEPTIONS = {"proto/dm/master.proto", "proto/dmgr/v1/cluster_service.proto", "server/store/cluster_store.cc",
              "tests/engine/recovery_test.cc"}
# A list, of which a page is made: as long as there are reasons.
CATALOG = "proto/dmgr/v1/errors.proto"
# Split, so that this file passes its own check.
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + r"ME|XX" + r"X)\b")
# dmgrd does not know its clients: an error has calls (Error::Next), and the client words them.
CLIENT = re.compile(r"\bdmgrctl ")
# Nor the options of their commands; those of dmgrd itself are not in an operation.
OPTION = re.compile(r'Remedy\([^;]*?"[^"\n]*--[a-z]')
OPTION_FREE = ("server/operations/", "server/clusters/", "server/machines/", "server/warehouse/")
# One function makes a grpc::Status of an absl::Status.
GRPC_STATUS = re.compile(r"\bgrpc::Status[({]")
# A thread that cannot be made, or is left joinable, ends the program: common/thread_pool.h.
THREAD = re.compile(r"\bstd::(thread\s*[({]|thread\s+\w+\s*[({]|jthread\b|async\b)|\.detach\(\)")
# dmgr-host has no rooms of common; its one worker lives as long as it does.
THREAD_MAKERS = {"common/thread_pool.cc", "server/host/far/server.cc"}
# What a host says is read by common/untrusted_json.h. These read what dmgrd has written itself.
JSON = re.compile(r"\bjson::(parse|sax_parse|accept)\(")
JSON_READERS = ("common/untrusted_json.cc", "server/store/", "server/clusters/host_before.cc")
# Deadlines and waits are counted by common/steady_time.h. These tell a person the time, or compare
# clocks.
WALL_CLOCK = re.compile(r"\babsl::Now\(\)")
WALL_CLOCK_READERS = {"common/steady_time.cc", "server/check/check.cc",
                      "server/daemon.cc", "server/instances/diagnose.cc", "server/measure.cc",
                      "server/clusters/cluster_tls.cc", "server/machines/contact.cc",
                      "server/operations/steps/repair.cc", "server/rpc/make_certificate.cc",
                      "server/status/health_board.cc", "server/status/status.cc",
                      "server/verify/verify.cc"}
# What is built is listed: a file that is missing, or is left over, does not go unnoticed.
GUESSED = re.compile(r"\bfile\s*\(\s*GLOB|\bif\s*\((NOT )?EXISTS")


def files_of(root):
    """All that is in the repository or could be added to it."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=False, capture_output=True)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return sorted(name for name in names if name and (root / name).is_file())
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def guard_of(name):
    return "DMGR_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper() + "_"


def check_text(name, text):
    problems = []
    lines = text.splitlines()
    most = TOO_LONG if name in EXCEPTIONS else LONG
    if len(lines) > most and name != CATALOG:
        problems.append(f"{name}: {len(lines)} lines; at most {most}")
    of_dmgrd = name.startswith(("server/", "common/")) and name.endswith((".cc", ".h"))
    in_status_room = name.startswith(("common/grpc_status", "tests/"))
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            problems.append(f"{name}:{number}: unfinished: {line.strip()}")
        if GRPC_STATUS.search(line) and not in_status_room:
            problems.append(f"{name}:{number}: only common/grpc_status makes a grpc::Status")
        if of_dmgrd and CLIENT.search(line):
            problems.append(f"{name}:{number}: words a command of dmgrctl; name the call")
        if of_dmgrd and THREAD.search(line) and name not in THREAD_MAKERS:
            problems.append(f"{name}:{number}: only common/thread_pool makes threads")
        if of_dmgrd and JSON.search(line) and not name.startswith(JSON_READERS):
            problems.append(f"{name}:{number}: reads JSON by ParseUntrustedJson only")
        if of_dmgrd and WALL_CLOCK.search(line) and name not in WALL_CLOCK_READERS:
            problems.append(f"{name}:{number}: deadlines and waits are of SteadyNow()")
        if name.endswith((".cmake", "CMakeLists.txt")) and GUESSED.search(line):
            problems.append(f"{name}:{number}: list the files instead: {line.strip()}")
    if name.startswith(OPTION_FREE) and OPTION.search(text):
        problems.append(f"{name}: a remedy words an option of dmgrctl; name the call")
    # The stand-in has a style of its own.
    guarded = name.endswith(".h") and not name.startswith("tests/dmsim/")
    if guarded and f"#ifndef {guard_of(name)}\n#define {guard_of(name)}\n" not in text:
        problems.append(f"{name}: the include guard is not {guard_of(name)}")
    return problems


def check_migrations(root):
    """What is not listed is not built, and nobody would notice."""
    folder = root / "server/store"
    listed = folder / "CMakeLists.txt"
    text = listed.read_text() if listed.exists() else ""
    return [f"server/store/migrations/{path.name}: is not listed in server/store/CMakeLists.txt"
            for path in sorted(folder.glob("migrations/*.sql")) if path.name not in text]


def check(root):
    problems = check_migrations(root)
    for name in files_of(root):
        top = name.split("/")[0]
        if top not in TOP_LEVEL and not top.startswith("."):
            problems.append(f"{top}: does not belong at the top level")
        if name.endswith(SOURCES):
            problems += check_text(name, (root / name).read_text(errors="replace"))
    return sorted(set(problems))


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    problems = check(root.resolve())
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

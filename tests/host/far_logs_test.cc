// Logs as they are streamed.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/host/far_stream.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

constexpr char kLog[] = "/log/dm.log";

void Append(const TempRoot& root, const std::string& text) {
  std::ofstream(root / kLog, std::ios::binary | std::ios::app) << text;
}

// The most memory that a process has had, in KiB.
long PeakMemory(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  }
  return -1;
}

TEST_CASE("a log comes as it is, whatever bytes it has, and its last line gets an end") {
  TempRoot root;
  const std::string text("first\n\xff\xfe\0garbage\n\xc3(\nno end", 26);
  root.Write(kLog, text);
  FarStream far(root, hv1::Begin::MODE_READ);
  CHECK(far.Stream(LogsOf(kLog)).has_done());
  CHECK(far.Text(0) == text + "\n");
}

TEST_CASE("the last lines, those since a time, and those with a pattern") {
  TempRoot root;
  root.Write(kLog,
             "[2026/11/22 21:30:05.123 +01:00] [INFO] one\n"
             "  of it\n"
             "ts=2026-11-22T20:30:06.5Z level=info two\n"
             "{\"ts\":\"2026-11-22T20:30:07Z\"} three\n"
             "2026-11-22 20:30:08 four\n");
  FarStream far(root);
  hv1::ToHost request = LogsOf(kLog);
  auto* logs = request.mutable_stream_logs();
  std::string wanted;
  SECTION("the last two") {
    logs->set_tail_lines(2);
    wanted = "{\"ts\":\"2026-11-22T20:30:07Z\"} three\n2026-11-22 20:30:08 four\n";
  }
  SECTION("more than there are") {
    logs->set_tail_lines(100);
    wanted = root.Read(kLog);
  }
  SECTION("since the time of the second") {
    logs->set_since_ms(1795379406500);
    wanted = root.Read(kLog).substr(root.Read(kLog).find("ts=2026"));
  }
  SECTION("since before all") {
    logs->set_since_ms(1795379400000);
    wanted = root.Read(kLog);
  }
  SECTION("the last one since") {
    logs->set_since_ms(1795379406500);
    logs->set_tail_lines(1);
    wanted = "2026-11-22 20:30:08 four\n";
  }
  SECTION("since after all") { logs->set_since_ms(1795379409000); }
  SECTION("the last one of a pattern") {
    logs->set_pattern("(?i)INFO");
    logs->set_tail_lines(1);
    wanted = "ts=2026-11-22T20:30:06.5Z level=info two\n";
  }
  SECTION("of a pattern that is nowhere") { logs->set_pattern("^$"); }
  CHECK(far.Stream(request).has_done());
  CHECK(far.Text(0) == wanted);
}

TEST_CASE("a log without times is shown since a time when it was written since") {
  TempRoot root;
  root.Write(kLog, "parse cmd flags err: parse rpc timeout str\n");
  FarStream far(root);
  hv1::ToHost request = LogsOf(kLog);
  request.mutable_stream_logs()->set_since_ms(1);
  far.Stream(request);
  CHECK(far.Text(0) == root.Read(kLog));
  request.mutable_stream_logs()->set_since_ms(4'000'000'000'000);
  far.Stream(request);
  CHECK(far.Text(0).empty());
}

TEST_CASE("a log of a gibibyte is looked into at once, and takes little memory") {
  TempRoot root;
  root.Write(kLog, "2026-11-22 20:30:06 begin\n");
  for (int i = 10; i < 59; ++i) {
    // Holes are quick to write, and are read as lines that are too long.
    fs::resize_file(root / kLog, fs::file_size(root / kLog) + (21U << 20));
    Append(root, "\n2026-11-22 20:30:" + std::to_string(i) + " line\n");
  }
  REQUIRE(fs::file_size(root / kLog) > (1U << 30));
  FarStream far(root);
  hv1::ToHost request = LogsOf(kLog);
  SECTION("from its end") {
    request.mutable_stream_logs()->set_tail_lines(1);
    far.Stream(request);
    CHECK(far.Text(0) == "2026-11-22 20:30:58 line\n");
  }
  SECTION("from a time on") {
    request.mutable_stream_logs()->set_since_ms(1795379457000);
    request.mutable_stream_logs()->set_pattern("line");
    far.Stream(request);
    CHECK(far.Text(0) == "2026-11-22 20:30:57 line\n2026-11-22 20:30:58 line\n");
  }
  CHECK(PeakMemory(far.process().pid()) < 24L << 10);
}

TEST_CASE("what is no log has no lines") {
  TempRoot root;
  root.Write("etc/secret", "secret\n");
  fs::create_directories(root / "log/dir");
  fs::create_symlink("../etc/secret", root / "log/link");
  REQUIRE(mkfifo((root / "log/fifo").c_str(), 0644) == 0);
  FarStream far(root);
  for (const char* path : {"/log/nothing", "/no/folder", "/log/dir", "/log/link", "/log/fifo"}) {
    INFO(path);
    CHECK(far.Stream(LogsOf(path)).has_done());
    CHECK(far.bytes() == 0);
  }
  CHECK(far.Stream(LogsOf("/log/../etc/secret")).failure().kind() ==
        hv1::Failure::KIND_BAD_REQUEST);
  hv1::ToHost request = LogsOf(kLog);
  request.mutable_stream_logs()->set_pattern("(");
  CHECK(far.Stream(request).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
}

TEST_CASE("a log is followed through its rotation") {
  TempRoot root;
  root.Write(kLog, "one\n");
  FarStream far(root);
  hv1::ToHost request = LogsOf(kLog);
  request.mutable_stream_logs()->set_follow(true);
  far.Start(request);
  const auto await = [&](const std::string& text) {
    far.ReadUntil([&] { return far.Text(0) == text; });
  };
  await("one\n");
  Append(root, "tw");
  Append(root, "o\n");
  await("one\ntwo\n");
  SECTION("renamed") {
    Append(root, "three\n");
    fs::rename(root / kLog, root / "log/dm-1.log");
    Append(root, "four\n");
  }
  SECTION("copied and cut short") {
    Append(root, "three\n");
    await("one\ntwo\nthree\n");
    fs::resize_file(root / kLog, 0);
    Append(root, "four\n");
  }
  SECTION("away for a while") {
    Append(root, "three\n");
    await("one\ntwo\nthree\n");
    fs::remove(root / kLog);
    Append(root, "four\n");
  }
  await("one\ntwo\nthree\nfour\n");
  CHECK(far.Cancel().failure().kind() == hv1::Failure::KIND_CANCELLED);
  // It is of use after that.
  CHECK(far.Stream(LogsOf(kLog)).has_done());
}

TEST_CASE("a log that comes later is followed from its first line") {
  TempRoot root;
  FarStream far(root);
  hv1::ToHost request = LogsOf(kLog);
  request.mutable_stream_logs()->set_follow(true);
  request.mutable_stream_logs()->set_pattern("o");
  far.Start(request);
  root.Write(kLog, "one\nthree\ntwo\n");
  far.ReadUntil([&] { return far.Text(0) == "one\ntwo\n"; });
}

TEST_CASE("who takes nothing holds a stream up, and the far end goes on answering") {
  TempRoot root;
  root.Write(kLog, std::string(4U << 20, 'x'));
  FarStream far(root);
  far.Start(LogsOf(kLog));
  while (far.bytes() < 512U << 10) REQUIRE_FALSE(far.Next(/*passed_on=*/false).has_value());
  CHECK(far.bytes() == 512U << 10);
  hv1::ToHost ping;
  ping.mutable_ping();
  far.process().Send(ping);
  const auto pong = far.process().Receive();
  REQUIRE(pong.has_value());
  CHECK(pong->has_pong());
  SECTION("until it does") {
    hv1::ToHost taken;
    taken.set_id(101);
    taken.mutable_taken()->set_bytes(far.bytes());
    far.process().Send(taken);
    CHECK(far.ReadToEnd().has_done());
    // Each part of a line that is too long has an end.
    CHECK(far.bytes() == (4U << 20) + 64);
  }
  SECTION("until it is cancelled") {
    CHECK(far.Cancel().failure().kind() == hv1::Failure::KIND_CANCELLED);
  }
  SECTION("until it ends") {
    far.process().CloseInput();
    CHECK(far.process().ExitStatus() == 0);
  }
}

// journalctl, by what it is told: an entry of the unit with a message that is no text, one about
// it, one of somebody else; with -f one more after it was asked to go on from the last.
constexpr char kJournalctl[] = R"(
echo "$@" >> $ROOT/calls
entry() { printf '__CURSOR=%s\n__REALTIME_TIMESTAMP=1795379405123456\n' "$1"; }
case "$*" in
  *-f*) entry c9; printf 'UNIT=dm-master-8261.service\nSYSLOG_IDENTIFIER=systemd\nMESSAGE=new\n\n'
        sleep 1000 & echo $! > $ROOT/child; wait;;
  *) entry c1
     printf '_SYSTEMD_UNIT=dm-master-8261.service\nSYSLOG_IDENTIFIER=bash\n_PID=7\nMESSAGE\n'
     printf '\005\000\000\000\000\000\000\000a\nb\n\377\n\n'
     entry c2; printf 'UNIT=other.service\nMESSAGE=not this\n\n'
     entry c3; printf 'UNIT=dm-master-8261.service\nSYSLOG_IDENTIFIER=systemd\n_PID=1\nMESSAGE=Started\n\n';;
esac
)";

TEST_CASE("the journal of a unit is read and followed without a gap, and journalctl ends with it") {
  TempRoot root;
  root.AddProgram("journalctl", kJournalctl);
  FarStream far(root);
  hv1::ToHost request;
  request.mutable_stream_logs()->add_sources()->set_unit("dm-master-8261.service");
  const std::string before =
      "2026-11-22T20:30:05.123Z bash[7]: a\nb\n\xff\n"
      "2026-11-22T20:30:05.123Z systemd[1]: Started\n";
  CHECK(far.Stream(request).has_done());
  CHECK(far.Text(0) == before);
  request.mutable_stream_logs()->set_tail_lines(1);
  far.Stream(request);
  CHECK(far.Text(0) == "2026-11-22T20:30:05.123Z systemd[1]: Started\n");
  request.mutable_stream_logs()->set_follow(true);
  far.Start(request);
  far.ReadUntil([&] { return far.Text(0).ends_with("systemd: new\n"); });
  CHECK(root.Read("calls").find("--after-cursor=c3") != std::string::npos);
  REQUIRE(WaitFor([&] { return root.Exists("child"); }));
  const std::string child = "/proc/" + root.Read("child").substr(0, root.Read("child").find('\n'));
  CHECK(far.Cancel().failure().kind() == hv1::Failure::KIND_CANCELLED);
  CHECK(WaitFor([&] {
    std::ifstream stat(child + "/stat");
    std::string text;
    std::getline(stat, text);
    return text.empty() || text.find(") Z ") != std::string::npos;
  }));
}

}  // namespace
}  // namespace dmgr::test

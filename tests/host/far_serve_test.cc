// Frames, the end of the far end, the fence.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

const char kUnitOfServe[] = "dm-master-8261.service";

// systemctl as a program that hangs, with a child of its own; it tells their pids.
void AddHangingSystemctl(const TempRoot& root) {
  std::filesystem::create_directories(root / "run/systemd/system");
  root.AddProgram("systemctl",
                  "sleep 1000 &\necho $$ $! > $ROOT/pids.new\n"
                  "mv $ROOT/pids.new $ROOT/pids\nwait\n");
}

void SendHangingRequest(const FarProcess& far) {
  hv1::ToHost request;
  request.set_id(100);
  request.mutable_query_units()->add_units(kUnitOfServe);
  far.Send(request);
}

// Of the hanging program and its child.
std::vector<pid_t> HangingPids(const TempRoot& root) {
  REQUIRE(WaitFor([&] { return root.Exists("pids"); }));
  std::istringstream text(root.Read("pids"));
  std::vector<pid_t> pids(2);
  text >> pids[0] >> pids[1];
  REQUIRE(pids[1] > 1);
  return pids;
}

bool IsGone(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  return text.empty() || text.find(") Z ") != std::string::npos;
}

bool AreGone(const std::vector<pid_t>& pids) {
  return WaitFor([&] { return IsGone(pids[0]) && IsGone(pids[1]); });
}

TEST_CASE("the first bytes are the hello and the first request must be Begin") {
  TempRoot root;
  FarProcess far(root);
  CHECK(far.TakeHello() == "DMGR-HOST/1\n");
  hv1::ToHost request;
  request.mutable_get_facts();
  const auto reply = far.Call(request);
  CHECK(reply.failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
}

TEST_CASE("a reading far end changes nothing and leaves no trace") {
  TempRoot root;
  FarProcess far(root);
  REQUIRE(far.Begin("", 0).has_begin());
  hv1::ToHost request;
  auto* file = request.mutable_batch()->add_requests()->mutable_write_files()->add_files();
  file->set_path("/tmp/x");
  file->set_owner("root");
  CHECK(far.Call(request).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
  CHECK_FALSE(root.Exists("tmp/x"));
  CHECK_FALSE(root.Exists("var/lib/dmgr"));
}

TEST_CASE("the end of its input ends a far end and what it started") {
  TempRoot root;
  AddHangingSystemctl(root);
  FarProcess far(root);
  REQUIRE(far.Begin(kClusterA, 1).has_begin());
  SendHangingRequest(far);
  const auto pids = HangingPids(root);
  far.CloseInput();
  CHECK(far.ExitStatus() == 0);
  CHECK(AreGone(pids));
}

TEST_CASE("thirty seconds of silence end it too, and pings keep it alive") {
  TempRoot root;
  AddHangingSystemctl(root);
  FarProcess far(root);
  REQUIRE(far.Begin(kClusterA, 1).has_begin());
  SendHangingRequest(far);
  const auto pids = HangingPids(root);
  const auto begin = std::chrono::steady_clock::now();
  hv1::ToHost ping;
  ping.mutable_ping();
  REQUIRE_FALSE(WaitFor([&] { return far.Ended(); }, std::chrono::seconds(3)));
  far.Send(ping);
  // Although a request is under way.
  const auto pong = far.Receive();
  REQUIRE(pong.has_value());
  CHECK(pong->has_pong());
  REQUIRE(WaitFor([&] { return far.Ended(); }, std::chrono::seconds(40)));
  CHECK(std::chrono::steady_clock::now() - begin > std::chrono::seconds(32));
  CHECK(AreGone(pids));
}

TEST_CASE("a request that is cancelled ends what it started, and the far end goes on") {
  TempRoot root;
  AddHangingSystemctl(root);
  FarProcess far(root);
  REQUIRE(far.Begin(kClusterA, 1).has_begin());
  SendHangingRequest(far);
  const auto pids = HangingPids(root);
  hv1::ToHost cancel;
  cancel.set_id(99);  // Of another request: nothing happens.
  cancel.mutable_cancel();
  far.Send(cancel);
  CHECK_FALSE(IsGone(pids[0]));
  cancel.set_id(100);
  far.Send(cancel);
  const auto reply = far.Receive();
  REQUIRE(reply.has_value());
  CHECK(reply->id() == 100);
  CHECK(reply->failure().kind() == hv1::Failure::KIND_CANCELLED);
  CHECK(AreGone(pids));
  hv1::ToHost request;
  request.mutable_inspect()->add_paths("/etc");
  CHECK(far.Call(request).inspect().paths(0).type() == hv1::PathState::TYPE_DIRECTORY);
}

TEST_CASE("what is no message ends it with status 3") {
  TempRoot root;
  FarProcess far(root);
  REQUIRE(far.TakeHello() == "DMGR-HOST/1\n");
  SECTION("a frame that is too big") { far.SendRaw(std::string("\x01\x00\x00\x01", 4)); }
  SECTION("garbage") { far.SendRaw(std::string("\x04\x00\x00\x00\xff\xff\xff\xff", 8)); }
  SECTION("text") { far.SendRaw("hello, who is there?\n"); }
  SECTION("a request while another one is under way") {
    AddHangingSystemctl(root);
    hv1::ToHost begin;
    begin.set_id(1);
    begin.mutable_begin()->set_mode(hv1::Begin::MODE_READ);
    far.Call(begin);
    SendHangingRequest(far);
    HangingPids(root);
    SendHangingRequest(far);
  }
  CHECK(far.ExitStatus() == 3);
}

TEST_CASE("a frame may come byte by byte, and one that is empty is no request") {
  TempRoot root;
  FarProcess far(root);
  REQUIRE(far.TakeHello() == "DMGR-HOST/1\n");
  hv1::ToHost request;
  request.set_id(5);
  request.mutable_begin()->set_mode(hv1::Begin::MODE_READ);
  const std::string body = request.SerializeAsString();
  far.SendRaw(std::string(1, static_cast<char>(body.size())));
  far.SendRaw(std::string(3, '\0'));
  for (const char c : body) far.SendRaw(std::string(1, c));
  const auto reply = far.Receive();
  REQUIRE(reply.has_value());
  CHECK(reply->id() == 5);
  CHECK(reply->begin().machine_id() == "0123456789abcdef0123456789abcdef");
  far.SendRaw(std::string(4, '\0'));
  CHECK(far.Receive()->failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
}

TEST_CASE("a newer far end of a cluster ends the older one and all that it started") {
  TempRoot root;
  AddHangingSystemctl(root);
  FarProcess older(root);
  REQUIRE(older.Begin(kClusterA, 7, 3).has_begin());
  SendHangingRequest(older);
  const auto pids = HangingPids(root);
  FarProcess newer(root);
  SECTION("of a later epoch") { REQUIRE(newer.Begin(kClusterA, 8, 1).has_begin()); }
  SECTION("of a later start") { REQUIRE(newer.Begin(kClusterA, 7, 4).has_begin()); }
  SECTION("of the same pair, which is a retry") {
    REQUIRE(newer.Begin(kClusterA, 7, 3).has_begin());
  }
  SECTION("even when it is stopped") {
    kill(older.pid(), SIGSTOP);
    REQUIRE(newer.Begin(kClusterA, 8, 1).has_begin());
  }
  CHECK(older.Ended());
  CHECK(older.ExitStatus() == -SIGKILL);
  CHECK(IsGone(pids[0]));
  CHECK(IsGone(pids[1]));
}

TEST_CASE("what a far end left behind when it was killed is ended by the next one") {
  TempRoot root;
  std::filesystem::create_directories(root / "run/systemd/system");
  // In a process group of its own, and not the far end's direct child.
  root.AddProgram("systemctl",
                  "set -m\nsleep 1000 > /dev/null 2>&1 &\necho $$ $! > $ROOT/pids.new\n"
                  "mv $ROOT/pids.new $ROOT/pids\nwait\n");
  FarProcess older(root);
  REQUIRE(older.Begin(kClusterA, 1).has_begin());
  SendHangingRequest(older);
  const auto pids = HangingPids(root);
  kill(older.pid(), SIGKILL);
  older.ExitStatus();
  CHECK(WaitFor([&] { return IsGone(pids[0]); }));
  REQUIRE_FALSE(IsGone(pids[1]));
  FarProcess newer(root);
  REQUIRE(newer.Begin(kClusterA, 2).has_begin());
  CHECK(IsGone(pids[1]));
}

TEST_CASE("an older far end is refused, also after the newer one has ended") {
  TempRoot root;
  {
    FarProcess newer(root);
    REQUIRE(newer.Begin(kClusterA, 8, 2).has_begin());
    FarProcess older(root);
    CHECK(older.Begin(kClusterA, 7, 9).failure().kind() == hv1::Failure::KIND_STALE_EPOCH);
    CHECK_FALSE(newer.Ended());
  }
  FarProcess older(root);
  CHECK(older.Begin(kClusterA, 8, 1).failure().kind() == hv1::Failure::KIND_STALE_EPOCH);
}

TEST_CASE("clusters do not disturb each other, and the highest epoch is of them all") {
  TempRoot root;
  FarProcess a(root);
  CHECK(a.Begin(kClusterA, 20).begin().highest_epoch() == 20);
  FarProcess b(root);
  CHECK(b.Begin(kClusterB, 4).begin().highest_epoch() == 20);
  CHECK_FALSE(a.Ended());
  FarProcess reader(root);
  CHECK(reader.Begin("", 0).begin().highest_epoch() == 20);
}

TEST_CASE("a pid in the record that is another process now is left alone") {
  TempRoot root;
  {
    FarProcess far(root);
    REQUIRE(far.Begin(kClusterA, 1).has_begin());
  }
  const std::string record = std::string("var/lib/dmgr/fence/") + kClusterA;
  std::string text = root.Read(record);
  const auto pid = text.find("pid ");
  const auto end = text.find('\n', pid);
  text.replace(pid, end - pid, "pid " + std::to_string(getpid()));
  root.Write(record, text, 0600);
  FarProcess far(root);
  CHECK(far.Begin(kClusterA, 2).has_begin());
}

TEST_CASE("jobs that a dead far end left queued are cancelled") {
  TempRoot root;
  std::filesystem::create_directories(root / "run/systemd/system");
  root.Write("jobs", "12 dm-master-8261.service start waiting\n13 other.service start running\n");
  root.AddProgram("systemctl",
                  "echo \"$@\" >> $ROOT/calls\n"
                  "case $1 in\nlist-jobs) cat $ROOT/jobs;;\n"
                  "cancel) sed -i \"/^$2 /d\" $ROOT/jobs;;\nesac\n");
  FarProcess far(root);
  REQUIRE(far.Begin(kClusterA, 1, 1, {kUnitOfServe}).has_begin());
  CHECK(root.Read("jobs") == "13 other.service start running\n");
  CHECK(root.Read("calls").find("cancel 12\n") != std::string::npos);
}

}  // namespace
}  // namespace dmgr::test

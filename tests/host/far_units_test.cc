// Units, with a stand-in for systemctl.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

const char kUnit[] = "dm-master-8261.service";
const char kOther[] = "dm-worker-8262.service";

// A systemd whose units go through states that a test wrote down: "init" first, then those of the
// verb that was given; each look goes one state further.
class StandInSystemd {
 public:
  StandInSystemd() {
    fs::create_directories(root_ / "run/systemd/system");
    root_.AddProgram("systemctl", R"(
verb=$1; shift
[ $verb = show ] || echo "$verb $*" >> $ROOT/calls
for unit in "$@"; do
  case $unit in -*) continue;; esac
  dir=$ROOT/units/$unit
  if [ $verb = show ]; then
    if [ -d $dir ]; then
      phase=$(cat $dir/phase) at=$(cat $dir/at)
      cat $dir/$phase.$at
      [ -e $dir/$phase.$((at + 1)) ] && echo $((at + 1)) > $dir/at
    else
      printf 'LoadState=not-found\nActiveState=inactive\n'
    fi
    echo
  elif [ -e $dir/$verb.1 ]; then
    echo $verb > $dir/phase; echo 1 > $dir/at
  elif [ $verb = start ]; then
    echo "Failed to start $unit: Unit $unit not found." >&2; exit 5
  elif [ $verb = reset-failed -a -e $dir/unloaded ]; then
    echo "Failed to reset failed state of unit $unit: Unit $unit not loaded." >&2; exit 1
  fi
done
exit 0
)");
    root_.AddProgram("journalctl", R"(
printf '__REALTIME_TIMESTAMP=1\nMESSAGE=%s: of another life\n\n' "$2"
printf '__REALTIME_TIMESTAMP=9000000000000000\nMESSAGE\n\005\0\0\0\0\0\0\0a\nb=c\n'
printf 'SYSLOG_IDENTIFIER=bash\n_PID=7\n\n'
printf '__REALTIME_TIMESTAMP=9000000000000001\nMESSAGE=%s: it went wrong\n' "$2"
printf 'SYSLOG_IDENTIFIER=systemd\n_PID=1\n\n'
)");
  }

  const TempRoot& root() const { return root_; }
  void Add(const std::string& unit, const std::string& phase,
           const std::vector<std::string>& states) {
    const std::string dir = "units/" + unit + "/";
    for (std::size_t i = 0; i < states.size(); ++i) {
      root_.Write(dir + phase + "." + std::to_string(i + 1), "LoadState=loaded\n" + states[i]);
    }
    if (phase == "init") {
      root_.Write(dir + "phase", "init\n");
      root_.Write(dir + "at", "1\n");
    }
  }
  std::string Calls() const { return root_.Exists("calls") ? root_.Read("calls") : ""; }

 private:
  TempRoot root_;
};

const std::string kDown = "ActiveState=inactive\nSubState=dead\nMainPID=0\n";
const std::string kStopped = kDown + "ExecMainStartTimestampMonotonic=5\n";
const std::string kStarting = "ActiveState=inactive\nSubState=dead\nMainPID=0\nJob=7\n";
const std::string kStopping =
    "ActiveState=deactivating\nSubState=stop-sigterm\nMainPID=77\nJob=8\n";
const std::string kFailedState =
    "ActiveState=failed\nSubState=failed\nMainPID=0\nExecMainStatus=1\nNRestarts=4\n";
const std::string kAutoRestart =
    "ActiveState=activating\nSubState=auto-restart\nMainPID=0\nExecMainStatus=2\n";

std::string Running(int start) {
  return "ActiveState=active\nSubState=running\nMainPID=77\nExecMainStartTimestampMonotonic=" +
         std::to_string(start) + "\nControlGroup=/system.slice/none\n";
}

hv1::ToHost Control(hv1::ControlUnits::Verb verb, const std::vector<std::string>& units,
                    std::uint32_t timeout_ms = 10000) {
  hv1::ToHost request;
  request.mutable_control_units()->set_verb(verb);
  request.mutable_control_units()->set_timeout_ms(timeout_ms);
  for (const auto& unit : units) request.mutable_control_units()->add_units(unit);
  return request;
}

TEST_CASE("units' states are told as systemd tells them") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init",
              {Running(1) + "UnitFileState=enabled\nNRestarts=3\nExecMainStatus=0\n"});
  systemd.root().Write(std::string("etc/systemd/system/") + kOther, "[Unit]\n");
  FarProcess far(systemd.root());
  far.Begin("", 0);
  hv1::ToHost request;
  for (const char* unit : {kUnit, kOther, "none.service"}) {
    request.mutable_query_units()->add_units(unit);
  }
  const auto states = far.Call(request).unit_states();
  REQUIRE(states.units_size() == 3);
  const auto& state = states.units(0);
  CHECK(state.unit() == kUnit);
  CHECK(state.active_state() == "active");
  CHECK(state.sub_state() == "running");
  CHECK(state.loaded());
  CHECK(state.enabled());
  CHECK(state.restarts() == 3);
  CHECK(state.main_pid() == 77);
  CHECK(state.uptime_ms() > 0);
  // systemd has not read it yet, but it is there.
  CHECK(states.units(1).loaded());
  CHECK(states.units(1).restarts() == 0);
  CHECK_FALSE(states.units(2).loaded());
}

TEST_CASE("names that are no units never reach systemctl") {
  StandInSystemd systemd;
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  for (const char* unit :
       {"", "--now", "a b.service", "../x.service", "x", ".service", "x.", "a/b.c"}) {
    CAPTURE(unit);
    CHECK(far.Call(Control(hv1::ControlUnits::VERB_START, {unit})).failure().kind() ==
          hv1::Failure::KIND_BAD_REQUEST);
  }
  CHECK(systemd.Calls().empty());
}

TEST_CASE("start waits until the units run, and touches none that runs") {
  StandInSystemd systemd;
  std::string calls;
  SECTION("one that ran: systemd counts starts, and refuses those that come too soon") {
    systemd.Add(kUnit, "init", {kStopped});
    calls = std::string("reset-failed ") + kUnit + "\n";
  }
  SECTION("one that never ran") { systemd.Add(kUnit, "init", {kDown}); }
  calls += std::string("start --no-block ") + kUnit + "\n";
  systemd.Add(kUnit, "start", {kStarting, kStarting, Running(1)});
  systemd.Add(kOther, "init", {Running(1)});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Control(hv1::ControlUnits::VERB_START, {kUnit, kOther})).has_done());
  CHECK(systemd.Calls() == calls);
  REQUIRE(far.Call(Control(hv1::ControlUnits::VERB_START, {kUnit, kOther})).has_done());
  CHECK(systemd.Calls() == calls);
}

TEST_CASE("a unit that systemd has not loaded has nothing to forget") {
  StandInSystemd systemd;
  for (const char* unit : {kUnit, kOther}) {
    systemd.Add(unit, "init", {kStopped});
    systemd.Add(unit, "start", {Running(1)});
  }
  systemd.root().Write(std::string("units/") + kUnit + "/unloaded", "");
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Control(hv1::ControlUnits::VERB_START, {kUnit, kOther})).has_done());
  const std::string reset = "reset-failed ";
  CHECK(systemd.Calls() == reset + kUnit + " " + kOther + "\n" + reset + kUnit + "\n" + reset +
                               kOther + "\nstart --no-block " + kUnit + " " + kOther + "\n");
}

TEST_CASE("start ends early, with the journal, when a unit crashes") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {kDown});
  SECTION("it failed") { systemd.Add(kUnit, "start", {kStarting, kFailedState}); }
  SECTION("it is to be started again") { systemd.Add(kUnit, "start", {kAutoRestart}); }
  SECTION("it was started again") {
    systemd.Add(kUnit, "start", {kStarting, Running(2) + "NRestarts=1\nJob=3\n"});
  }
  SECTION("it ended well, which is wrong too") { systemd.Add(kUnit, "start", {kStarting, kDown}); }
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  const auto begin = std::chrono::steady_clock::now();
  const auto failure = far.Call(Control(hv1::ControlUnits::VERB_START, {kUnit}, 60000)).failure();
  CHECK(failure.kind() == hv1::Failure::KIND_CRASH_LOOP);
  // Of this start only.
  CHECK(failure.output() ==
        std::string("bash[7]: a\nb=c\nsystemd[1]: ") + kUnit + ": it went wrong\n");
  CHECK(failure.program() == kUnit);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("a unit that crashed before is started afresh") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {kFailedState});
  systemd.Add(kUnit, "start", {Running(1)});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Control(hv1::ControlUnits::VERB_START, {kUnit})).has_done());
  CHECK(systemd.Calls() ==
        std::string("reset-failed ") + kUnit + "\nstart --no-block " + kUnit + "\n");
}

TEST_CASE("a unit between two crashes is stopped first, since systemd would wait") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {kAutoRestart});
  systemd.Add(kUnit, "stop", {kDown});
  systemd.Add(kUnit, "start", {Running(1)});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Control(hv1::ControlUnits::VERB_START, {kUnit})).has_done());
  CHECK(systemd.Calls() == std::string("stop ") + kUnit + "\nreset-failed " + kUnit +
                               "\nstart --no-block " + kUnit + "\n");
}

TEST_CASE("a wait has a deadline, and says for what it waited") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {kDown});
  systemd.Add(kUnit, "start", {kStarting});
  systemd.Add(kUnit, "stop", {kStopping});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  auto failure = far.Call(Control(hv1::ControlUnits::VERB_START, {kUnit}, 300)).failure();
  CHECK(failure.kind() == hv1::Failure::KIND_DEADLINE);
  CHECK(failure.text().find(kUnit) != std::string::npos);
  failure = far.Call(Control(hv1::ControlUnits::VERB_STOP, {kUnit}, 300)).failure();
  CHECK(failure.kind() == hv1::Failure::KIND_DEADLINE);
}

TEST_CASE("what systemctl refuses is told in its words") {
  StandInSystemd systemd;
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  const auto failure = far.Call(Control(hv1::ControlUnits::VERB_START, {kUnit})).failure();
  CHECK(failure.kind() == hv1::Failure::KIND_PROGRAM);
  CHECK(failure.program() == "systemctl");
  CHECK(failure.exit_status() == 5);
  CHECK(failure.output().find("not found") != std::string::npos);
}

TEST_CASE("stop waits until the units are down, and needs no unit that is not there") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {Running(1)});
  systemd.Add(kUnit, "stop", {kStopping, kStopping, kDown});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  const auto stop = Control(hv1::ControlUnits::VERB_STOP, {kUnit, "none.service"});
  REQUIRE(far.Call(stop).has_done());
  REQUIRE(far.Call(stop).has_done());
  CHECK(systemd.Calls() == std::string("stop --no-block ") + kUnit + "\n");
}

TEST_CASE("units that are told to stop are not waited for") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {Running(1)});
  systemd.Add(kUnit, "stop", {kStopping});
  systemd.Add(kOther, "init", {kDown});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Control(hv1::ControlUnits::VERB_TELL_STOP, {kUnit, kOther})).has_done());
  CHECK(systemd.Calls() == std::string("stop --no-block ") + kUnit + "\n");
}

TEST_CASE("what does not end is killed while it is being stopped, and has not failed then") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {Running(1)});
  systemd.Add(kUnit, "stop", {kStopping});
  systemd.Add(kUnit, "kill", {kStopping, kFailedState});
  systemd.Add(kUnit, "reset-failed", {kDown});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  const auto stop = Control(hv1::ControlUnits::VERB_STOP, {kUnit}, 200);
  REQUIRE(far.Call(stop).failure().kind() == hv1::Failure::KIND_DEADLINE);
  const std::string before = systemd.Calls();
  const auto kill = Control(hv1::ControlUnits::VERB_KILL, {kUnit});
  REQUIRE(far.Call(kill).has_done());
  const std::string calls = before + "stop --no-block " + kUnit + "\nkill --signal=SIGKILL " +
                            kUnit + "\nreset-failed " + kUnit + "\n";
  CHECK(systemd.Calls() == calls);
  REQUIRE(far.Call(kill).has_done());
  CHECK(systemd.Calls() == calls);
}

TEST_CASE("restart waits for a new process") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {Running(1)});
  systemd.Add(kUnit, "restart", {Running(1) + "Job=3\n", kStopping, Running(1), Running(2)});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Control(hv1::ControlUnits::VERB_RESTART, {kUnit})).has_done());
  CHECK(systemd.root().Read(std::string("units/") + kUnit + "/at") == "4\n");
  CHECK(systemd.Calls() ==
        std::string("reset-failed ") + kUnit + "\nrestart --no-block " + kUnit + "\n");
}

TEST_CASE("reload is given on") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {Running(1)});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Control(hv1::ControlUnits::VERB_RELOAD, {kUnit})).has_done());
  CHECK(systemd.Calls() == std::string("reload ") + kUnit + "\n");
}

hv1::ToHost Install(const std::string& content, bool enabled) {
  hv1::ToHost request;
  auto* unit = request.mutable_install_units()->add_units();
  unit->set_name(kUnit);
  unit->set_content(content);
  unit->set_enabled(enabled);
  return request;
}

TEST_CASE("units are installed and enabled, with a reload only when something changed") {
  StandInSystemd systemd;
  const TempRoot& root = systemd.root();
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const std::string file = std::string("etc/systemd/system/") + kUnit;
  const std::string link = std::string("etc/systemd/system/multi-user.target.wants/") + kUnit;
  REQUIRE(far.Call(Install("[Unit]\n", true)).has_done());
  CHECK(root.Read(file) == "[Unit]\n");
  CHECK(fs::read_symlink(root / link) == "/" + file);
  REQUIRE(far.Call(Install("[Unit]\n", true)).has_done());
  CHECK(systemd.Calls() == "daemon-reload \n");
  REQUIRE(far.Call(Install("[Service]\n", true)).has_done());
  CHECK(systemd.Calls() == "daemon-reload \ndaemon-reload \n");
  REQUIRE(far.Call(Install("[Service]\n", false)).has_done());
  CHECK_FALSE(root.Exists(link));
  CHECK(systemd.Calls() == "daemon-reload \ndaemon-reload \ndaemon-reload \n");
}

TEST_CASE("systemd reads again what somebody else has changed since it read it") {
  StandInSystemd systemd;
  systemd.Add(kUnit, "init", {kDown + "NeedDaemonReload=yes\n"});
  FarProcess far(systemd.root());
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Install("[Unit]\n", true)).has_done());
  CHECK(systemd.Calls() == "daemon-reload \n");
  REQUIRE(far.Call(Install("[Unit]\n", true)).has_done());
  CHECK(systemd.Calls() == "daemon-reload \ndaemon-reload \n");
}

TEST_CASE("a reload that a dead far end did not come to is made by the next one") {
  StandInSystemd systemd;
  const TempRoot& root = systemd.root();
  const std::string real = root.Read("usr/bin/systemctl");
  root.AddProgram("systemctl", "[ $1 = daemon-reload ] && { touch $ROOT/reloads; sleep 1000; }\n");
  {
    FarProcess far(root);
    far.Begin(kClusterA, 1);
    auto request = Install("[Unit]\n", true);
    request.set_id(50);
    far.Send(request);
    REQUIRE(WaitFor([&] { return root.Exists("reloads"); }));
  }
  root.Write("usr/bin/systemctl", real, 0755);
  FarProcess far(root);
  far.Begin(kClusterA, 2);
  REQUIRE(far.Call(Install("[Unit]\n", true)).has_done());
  CHECK(systemd.Calls() == "daemon-reload \n");
}

}  // namespace
}  // namespace dmgr::test

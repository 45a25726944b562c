// What else may go: the database, the network, a host, its disk, a paused dmgrd.
#include <fmt/format.h>
#include <signal.h>

#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "tests/fault/state.h"
#include "tests/support/postgres.h"

namespace dmgr::testing {
namespace {

std::vector<std::string> Deploy(Site& site) {
  return {"cluster", "deploy", kDemo, kVersion, site.WriteTopology(), "--yes"};
}

// Of an undisturbed deploy, made once.
const State& Deployed() {
  static const State state = [] {
    Site& site = Site::Get();
    site.EnsureNoCluster();
    site.MustCtl(Deploy(site));
    return ReadState(site);
  }();
  return state;
}

std::string Begin(Site& site, const std::vector<std::string>& args) {
  auto detached = args;
  detached.push_back("--detach");
  return site.Json(detached)["operation"]["operation_id"];
}

nlohmann::json Show(Site& site, const std::string& id) {
  return site.Json({"operation", "show", id})["operation"];
}

// Waits for its end; its state.
std::string AwaitEnd(Site& site, const std::string& id) {
  site.Ctl({"operation", "watch", id});
  return Show(site, id)["state"];
}

// It may end by itself or need a word.
void FinishWithResume(Site& site, const std::string& id) {
  if (AwaitEnd(site, id) == "OPERATION_STATE_FAILED") {
    INFO(Show(site, id).dump(2));
    CHECK(site.Ctl({"operation", "resume", id}).exit_code == 0);
  }
  CHECK(Show(site, id)["state"] == "OPERATION_STATE_SUCCEEDED");
}

bool IsStopped(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string word;
  in >> word >> word >> word;
  return word == "T";
}

// dmgrd is paused at a moment of a step of an operation that begins now; returns its id.
std::string BeginPaused(Site& site, const std::string& at, const std::vector<std::string>& args) {
  site.daemon().Kill();
  site.daemon().Start({{"DMGR_FAULT", at + " pause"}});
  const std::string id = Begin(site, args);
  REQUIRE(Eventually([&] { return IsStopped(site.daemon().pid()); }));
  return id;
}

std::string EventGaps(Site& site, const std::string& id) {
  return test::Sql(site.daemon().dsn(),
                   fmt::format("SELECT count(*) - max(sequence) FROM operation_event"
                               " WHERE operation_id = '{}'",
                               id));
}

TEST_CASE("a killed PostgreSQL comes back, and operations go on", "[disturbance]") {
  Site& site = Site::Get();
  const State& wanted = Deployed();
  site.EnsureNoCluster();
  const std::string id =
      BeginPaused(site, "after_effect " + site.Address("h2") + "/prepare", Deploy(site));
  pid_t postmaster = 0;
  std::ifstream(site.daemon().dir() / "data/postgresql/data/postmaster.pid") >> postmaster;
  REQUIRE(postmaster > 0);
  kill(postmaster, SIGKILL);
  kill(site.daemon().pid(), SIGCONT);
  Eventually([&] { return site.Ctl({"operation", "show", id}).exit_code == 0; });
  CHECK(AwaitEnd(site, id) == "OPERATION_STATE_SUCCEEDED");
  CHECK(EventGaps(site, id) == "0");
  CHECK(FirstDifference(wanted, ReadState(site)) == "");
}

TEST_CASE("a paused owner does nothing more once another one has taken over", "[disturbance]") {
  Site& site = Site::Get();
  const State& wanted = Deployed();
  const std::string moment = GENERATE("before_effect", "after_effect");
  INFO(moment);
  site.EnsureNoCluster();
  const std::string id =
      BeginPaused(site, moment + " " + site.Address("h2") + "/install", Deploy(site));
  const auto data = site.daemon().dir() / "data";
  const auto quoted = [](const std::string& text) { return '"' + text + '"'; };
  {
    TestDaemon other({.config = {{"database.dsn", quoted(site.daemon().dsn())},
                                 {"paths.cluster_path", quoted(data)},
                                 {"paths.warehouse_dir", quoted(data / "warehouse")},
                                 {"paths.master_key", quoted(data / "master.key")}},
                      .init_admin = false});
    const auto state = [&] {
      return test::Sql(site.daemon().dsn(),
                       fmt::format("SELECT state FROM operation WHERE operation_id = '{}'", id));
    };
    CHECK(Eventually([&] { return state() == "SUCCEEDED"; }, std::chrono::minutes(2)));
    const std::string events = test::Sql(
        site.daemon().dsn(),
        fmt::format("SELECT count(*) FROM operation_event WHERE operation_id = '{}'", id));
    kill(site.daemon().pid(), SIGCONT);
    CHECK(Eventually([&] { return HealthOf(site.daemon().address()) == 1; }));
    CHECK(
        Eventually([&] { return site.daemon().Log().find("claim is lost") != std::string::npos; }));
    CHECK(FirstDifference(wanted, ReadState(site)) == "");
    CHECK(test::Sql(site.daemon().dsn(),
                    fmt::format("SELECT count(*) FROM operation_event WHERE operation_id = '{}'",
                                id)) == events);
  }
  // Both serve; one alone goes on.
  site.MustCtl({"cluster", "destroy", kDemo, "--yes"});
}

TEST_CASE("a full disk fails its step with the reason, and a resume goes on", "[disturbance]") {
  Site& site = Site::Get();
  const State& wanted = Deployed();
  site.EnsureNoCluster();
  const std::string address = site.Address("h2");
  // A file system of its own, that can be filled.
  site.lab().Ssh("h2", "mkdir -p /dm-deploy && mount -t tmpfs -o size=256m tmpfs /dm-deploy");
  const absl::Cleanup unmount = [&] {
    site.lab().Ssh("h2", "if mountpoint -q /dm-deploy; then umount -l /dm-deploy; fi");
  };
  const std::string id = BeginPaused(site, "before_effect " + address + "/install", Deploy(site));
  site.lab().Ssh("h2", "dd if=/dev/zero of=/dm-deploy/full bs=1M status=none || true");
  kill(site.daemon().pid(), SIGCONT);
  CHECK(AwaitEnd(site, id) == "OPERATION_STATE_FAILED");
  const std::string error = Show(site, id)["error"].dump();
  CHECK_THAT(error, Catch::Contains(address) && Catch::Contains("space"));
  site.lab().Ssh("h2", "rm /dm-deploy/full");
  CHECK(site.Ctl({"operation", "resume", id}).exit_code == 0);
  site.MustCtl({"cluster", "start", kDemo});
  CHECK(site.IsHealthy());
  site.MustCtl({"cluster", "destroy", kDemo, "--yes"});
  site.lab().Ssh("h2", "umount /dm-deploy; rmdir /dm-deploy");
  site.MustCtl(Deploy(site));
  CHECK(FirstDifference(wanted, ReadState(site)) == "");
}

TEST_CASE("a cable that is cut for 20 s", "[.][disturbance]") {
  Site& site = Site::Get();
  const State& wanted = Deployed();
  site.EnsureNoCluster();
  const std::string id =
      BeginPaused(site, "before_effect " + site.Address("h2") + "/prepare", Deploy(site));
  site.lab().Unplug("h2");
  kill(site.daemon().pid(), SIGCONT);
  // The time itself is the disturbance.
  std::this_thread::sleep_for(std::chrono::seconds(20));
  site.lab().Plug("h2");
  FinishWithResume(site, id);
  CHECK(FirstDifference(wanted, ReadState(site)) == "");
}

TEST_CASE("a host that is power-cut in the middle and booted", "[.][disturbance]") {
  Site& site = Site::Get();
  const State& wanted = Deployed();
  site.EnsureNoCluster();
  const std::string id =
      BeginPaused(site, "after_effect " + site.Address("h2") + "/prepare", Deploy(site));
  site.lab().PowerCut("h2");
  kill(site.daemon().pid(), SIGCONT);
  AwaitEnd(site, id);
  site.lab().Start("h2");
  site.lab().Wait("h2");
  FinishWithResume(site, id);
  CHECK(FirstDifference(wanted, ReadState(site)) == "");
}

TEST_CASE("a host whose sshd hangs fails its step in bounded time", "[.][disturbance]") {
  Site& site = Site::Get();
  const State& wanted = Deployed();
  site.EnsureNoCluster();
  const std::string id =
      BeginPaused(site, "before_effect " + site.Address("h2") + "/prepare", Deploy(site));
  site.lab().FreezeSshd("h2");
  kill(site.daemon().pid(), SIGCONT);
  CHECK(AwaitEnd(site, id) == "OPERATION_STATE_FAILED");
  const std::string error = Show(site, id)["error"].dump();
  CHECK_THAT(error, Catch::Contains(site.Address("h2")));
  site.lab().ThawSshd("h2");
  CHECK(site.Ctl({"operation", "resume", id}).exit_code == 0);
  CHECK(FirstDifference(wanted, ReadState(site)) == "");
}

}  // namespace
}  // namespace dmgr::testing

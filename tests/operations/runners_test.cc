// Every operation, forward, undone and repeated, on hosts that are directories.
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "server/engine/runner.h"
#include "server/operations/catalog.h"
#include "server/operations/clean/clean.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/patch/patch.h"
#include "server/operations/prune/prune.h"
#include "server/operations/reload/reload.h"
#include "server/operations/repair/repair.h"
#include "server/operations/restart/restart.h"
#include "server/operations/rotate_key/rotate_key.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/operations/tune/tune.h"
#include "server/operations/upgrade/upgrade.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

const Caller kCaller{"alice"};
constexpr char kCluster[] = "dm-test";

// A request for the test's cluster.
template <typename Request>
Request Named() {
  Request request;
  request.set_cluster_name(kCluster);
  return request;
}

v1::DeployClusterRequest Deployment() {
  auto request = Named<v1::DeployClusterRequest>();
  request.set_version("v7.5.1");
  request.set_user_login(true);
  *request.mutable_topology() = SampleTopology();
  return request;
}

using Names = std::set<std::string>;

// The runners that each test's plans name.
const std::map<std::string, Names>& Casts() {
  static const std::map<std::string, Names> kCasts = {
      {"whole life",
       {"control.register", "host.survey", "control.workspace", "host.prepare", "host.release",
        "host.install", "host.survey_units", "host.start", "host.disable", "host.enable",
        "host.stop", "control.evict_masters", "host.tell_stop", "host.end", "control.record_state",
        "host.remove", "control.erase"}},
      {"rolling restart", {"control.survey_members", "host.restart", "host.survey_units"}},
      {"restart of all at once",
       {"control.evict_masters", "control.record_state", "host.end_to_start", "host.start",
        "host.stop_to_start", "host.survey_units", "host.tell_stop"}},
      {"upgrade",
       {"control.drop_tree", "control.record_version", "control.survey_members",
        "control.upgrade_tree", "host.drop_releases", "host.survey_units", "host.upgrade",
        "host.upgrade_release"}},
      {"upgrade of a stopped cluster",
       {"control.drop_tree", "control.record_version", "control.upgrade_tree", "host.drop_releases",
        "host.survey_units", "host.upgrade_release", "host.upgrade_stopped"}},
      {"patch",
       {"control.free_patches", "control.record_role_patches", "control.survey_members",
        "host.drop_patches", "host.patch", "host.patch_release", "host.survey_units"}},
      {"reload",
       {"control.record_config", "control.survey_members", "host.check_files", "host.reload",
        "host.survey_files", "host.survey_units"}},
      {"reload of a stopped cluster",
       {"control.record_config", "host.check_files", "host.reload_stopped", "host.survey_files"}},
      {"scaling",
       {"control.ask_quorum", "control.cache", "control.register_new", "control.survey_members",
        "control.vacate", "host.install", "host.join", "host.leave", "host.prepare", "host.release",
        "host.remove_some", "host.rewrite", "host.start_new", "host.stop", "host.survey_new",
        "host.survey_units"}},
      {"tuning", {"host.survey_tuning", "host.tune"}},
      {"prune", {"control.prune_member"}},
      {"another key", {"host.add_key", "control.record_key", "host.drop_keys"}},
      {"clean", {"host.check_stopped", "host.clean", "host.found", "control.record_founders"}},
      {"scale-in of a lost machine",
       {"control.ask_quorum", "control.cache", "control.forget", "control.let_go",
        "control.survey_members", "control.vacate", "host.rewrite"}},
      {"stop without a lost machine",
       {"control.leave_out", "host.survey_units", "host.stop", "control.evict_masters",
        "host.tell_stop", "host.end", "control.record_state", "host.repair_look",
        "host.repair_place", "host.repair_stop", "host.repair_drop", "control.record_repaired"}},
      {"repair",
       {"host.repair_look", "host.repair_place", "host.repair_start", "host.repair_turn",
        "host.repair_rest", "control.record_repaired"}},
      {"repair of a stopped cluster",
       {"host.repair_look", "host.repair_place", "host.repair_stop", "host.repair_rest",
        "control.record_repaired"}},
  };
  return kCasts;
}

// A stage, and the ways to call.
class Play {
 public:
  explicit Play(const std::string& name) : name_(name) {}

  template <typename Request>
  Ask By(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
         Request request) {
    return [this, call, request = std::move(request)] {
      return call(stage.resources(), request, kCaller);
    };
  }
  Ask Deploying() { return By(operations::DeployCluster, Deployment()); }
  Ask Starting() { return By(operations::StartCluster, Named<v1::StartClusterRequest>()); }

  void Rehearse(const Ask& ask) { test::Rehearse(&stage, ask, &cast_); }
  void BringUp() {
    Perform(&stage, Deploying());
    Perform(&stage, Starting());
    // Of the dm-workers one has work.
    stage.members().Bind("mysql-1", "worker-2");
  }
  // Names of the instances of which it is recorded that they are to run.
  Names WantedToRun() {
    Names names;
    REQUIRE_OK(stage.resources().database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const auto record, store::GetCluster(tx, kCluster));
      for (const auto& instance : record.cluster.instances) {
        if (instance.wanted_running) names.insert(instance.name);
      }
      return absl::OkStatus();
    }));
    return names;
  }
  // At the end: its plans have named these, and no others.
  void SawTheCast() const { CHECK(cast_ == Casts().at(name_)); }

  Stage stage;

 private:
  const std::string name_;
  Names cast_;
};

TEST_CASE("deploy, start, enable, disable, stop and destroy", "[runners]") {
  Play play("whole life");
  play.Rehearse(play.Deploying());
  CHECK(play.WantedToRun().empty());
  play.Rehearse(play.Starting());
  CHECK(play.WantedToRun().size() == 8);
  play.Rehearse(play.By(operations::DisableCluster, Named<v1::DisableClusterRequest>()));
  play.Rehearse(play.By(operations::EnableCluster, Named<v1::EnableClusterRequest>()));
  auto part = Named<v1::StopClusterRequest>();
  part.mutable_selection()->add_components(v1::COMPONENT_DM_WORKER);
  play.Rehearse(play.By(operations::StopCluster, part));
  CHECK(play.WantedToRun().size() == 6);
  play.Rehearse(play.Starting());
  play.Rehearse(play.By(operations::StopCluster, Named<v1::StopClusterRequest>()));
  CHECK(play.WantedToRun().empty());
  play.Rehearse(play.By(operations::DestroyCluster, Named<v1::DestroyClusterRequest>()));
  play.SawTheCast();
  for (const char* machine : {"m1", "m2", "m3"}) {
    INFO(machine);
    CHECK(play.stage.host(machine).Running().empty());
    CHECK_FALSE(play.stage.host(machine).root().Exists("opt/dm"));
    CHECK_FALSE(play.stage.host(machine).root().Exists("home/dm"));
    CHECK_FALSE(play.stage.host(machine).root().Exists("var/lib/dmgr/clusters"));
  }
}

TEST_CASE("a restart takes the instances one after another", "[runners]") {
  Play play("rolling restart");
  play.BringUp();
  play.Rehearse(play.By(operations::RestartCluster, Named<v1::RestartClusterRequest>()));
  play.SawTheCast();
}

TEST_CASE("a restart of all at once", "[runners]") {
  Play play("restart of all at once");
  play.BringUp();
  auto request = Named<v1::RestartClusterRequest>();
  request.set_strategy(v1::STRATEGY_ALL_AT_ONCE);
  play.Rehearse(play.By(operations::RestartCluster, request));
  play.SawTheCast();
}

TEST_CASE("an upgrade of a running cluster", "[runners]") {
  Play play("upgrade");
  play.BringUp();
  play.stage.AddPackage("v7.5.2");
  auto request = Named<v1::UpgradeClusterRequest>();
  request.set_version("v7.5.2");
  play.Rehearse(play.By(operations::UpgradeCluster, request));
  play.SawTheCast();
}

TEST_CASE("an upgrade of a stopped cluster", "[runners]") {
  Play play("upgrade of a stopped cluster");
  Perform(&play.stage, play.Deploying());
  play.stage.AddPackage("v7.5.2");
  auto request = Named<v1::UpgradeClusterRequest>();
  request.set_version("v7.5.2");
  request.set_strategy(v1::STRATEGY_OFFLINE);
  play.Rehearse(play.By(operations::UpgradeCluster, request));
  play.SawTheCast();
}

TEST_CASE("a patch, and back to the package's program", "[runners]") {
  Play play("patch");
  play.BringUp();
  auto request = Named<v1::PatchClusterRequest>();
  request.set_patch_id(play.stage.AddWorkerPatch());
  request.set_overwrite(true);
  play.Rehearse(play.By(operations::PatchCluster, request));
  play.Rehearse(
      play.By(operations::RevertClusterPatches, Named<v1::RevertClusterPatchesRequest>()));
  play.SawTheCast();
}

TEST_CASE("a reload of a new configuration", "[runners]") {
  const bool running = GENERATE(true, false);
  Play play(running ? "reload" : "reload of a stopped cluster");
  if (running) {
    play.BringUp();
  } else {
    Perform(&play.stage, play.Deploying());
  }
  auto request = Named<v1::UpdateClusterTopologyRequest>();
  *request.mutable_topology() = SampleTopology();
  auto* configs = request.mutable_topology()->mutable_server_configs();
  (*configs->mutable_worker()->mutable_fields())["log-level"].set_string_value("debug");
  request.mutable_topology()->mutable_monitoring_servers(0)->set_scrape_interval("20s");
  v1::UpdateClusterTopologyResponse changed;
  REQUIRE_OK(operations::UpdateClusterTopology(
      play.stage.resources(), request,
      [](store::Transaction&, const auto&) { return absl::OkStatus(); }, &changed));
  CHECK(changed.changed_instances_size() == 3);
  play.Rehearse(play.By(operations::ReloadCluster, Named<v1::ReloadClusterRequest>()));
  play.SawTheCast();
}

TEST_CASE("a scale-out, and a scale-in of the same", "[runners]") {
  Play play("scaling");
  play.BringUp();
  auto request = Named<v1::ScaleOutClusterRequest>();
  auto* master = request.mutable_topology()->add_master_servers();
  master->mutable_placement()->set_host("10.0.0.1");
  master->set_port(28261);
  master->set_peer_port(28291);
  auto* worker = request.mutable_topology()->add_worker_servers();
  worker->mutable_placement()->set_host("10.0.0.1");
  worker->set_port(28262);
  // What is the whole cluster's may be repeated, and not be another.
  *request.mutable_topology()->mutable_global() = SampleTopology().global();
  auto other = request;
  other.mutable_topology()->mutable_global()->set_user("other");
  CHECK(operations::ScaleOutCluster(play.stage.resources(), other, kCaller).status().code() ==
        absl::StatusCode::kInvalidArgument);
  play.Rehearse(play.By(operations::ScaleOutCluster, request));
  CHECK(play.WantedToRun().size() == 10);
  auto leaving = Named<v1::ScaleInClusterRequest>();
  leaving.mutable_selection()->add_nodes("10.0.0.1:28261");
  leaving.mutable_selection()->add_nodes("10.0.0.2:18262");
  play.Rehearse(play.By(operations::ScaleInCluster, leaving));
  play.SawTheCast();
}

TEST_CASE("a scale-in of what a lost machine had", "[runners]") {
  Play play("scale-in of a lost machine");
  play.BringUp();
  play.stage.Lose("m3");
  auto request = Named<v1::ScaleInClusterRequest>();
  request.mutable_selection()->add_nodes("10.0.0.3:18261");
  request.mutable_selection()->add_nodes("10.0.0.3:18262");
  request.set_force(true);
  play.Rehearse(play.By(operations::ScaleInCluster, request));
  play.SawTheCast();
}

TEST_CASE("a tuning of hosts that lack something", "[runners]") {
  Play play("tuning");
  Perform(&play.stage, play.Deploying());
  CHECK(operations::TuneHosts(play.stage.resources(), Named<v1::TuneHostsRequest>(), kCaller)
            .status()
            .code() == absl::StatusCode::kFailedPrecondition);
  for (const char* machine : {"m1", "m2"}) {
    const TempRoot& root = play.stage.host(machine).root();
    root.Write("proc/sys/vm/swappiness", "60\n");
    root.Write("proc/sys/net/core/somaxconn", "4096\n");
    root.Write("sys/kernel/mm/transparent_hugepage/enabled", "madvise\n");
    root.Write("etc/sysctl.d/README", "");
    root.Write("etc/tmpfiles.d/README", "");
  }
  // Somebody has set one of them there before.
  play.stage.host("m2").root().Write("etc/sysctl.d/90-dmgr.conf", "net.core.somaxconn = 100\n");
  play.Rehearse(play.By(operations::TuneHosts, Named<v1::TuneHostsRequest>()));
  CHECK(play.stage.host("m2").root().Read("etc/sysctl.d/90-dmgr.conf") ==
        "net.core.somaxconn = 32768\nvm.swappiness = 0\n");
  CHECK(play.stage.host("m1").root().Read("proc/sys/vm/swappiness") == "0\n");
  play.SawTheCast();
}

TEST_CASE("a stop that leaves a lost machine out, and its repair", "[runners]") {
  Play play("stop without a lost machine");
  play.BringUp();
  play.stage.Lose("m3");
  auto request = Named<v1::StopClusterRequest>();
  request.set_skip_unreachable(true);
  play.Rehearse(play.By(operations::StopCluster, request));
  CHECK(play.WantedToRun().empty());
  play.stage.Recover("m3");
  play.Rehearse(play.By(operations::RepairCluster, Named<v1::RepairClusterRequest>()));
  play.SawTheCast();
}

TEST_CASE("a repair puts right what was changed by hand", "[runners]") {
  const bool running = GENERATE(true, false);
  Play play(running ? "repair" : "repair of a stopped cluster");
  if (running) {
    play.BringUp();
  } else {
    Perform(&play.stage, play.Deploying());
  }
  const Scene before = play.stage.Look();
  const auto& host = play.stage.host("m2");
  const std::string unit = "etc/systemd/system/dm-worker-18262.service";
  const std::string program = "opt/dm/deploy/dm-worker-18262/bin/dm-worker";
  REQUIRE((host.root().Exists(unit) && std::filesystem::remove(host.root() / program)));
  host.root().Write(unit, "[Service]\n");
  host.root().Write(program, "another one", 0755);
  if (running) {
    std::filesystem::remove(host.root() / "run/units/dm-master-18261.service");
  } else {
    host.root().Write("run/units/dm-master-18261.service", "1\n");
  }
  const int start = host.StartNumber("dm-worker-18262.service");
  play.Rehearse(play.By(operations::RepairCluster, Named<v1::RepairClusterRequest>()));
  play.SawTheCast();
  Scene after = play.stage.Look();
  // Its source has gone to another dm-worker.
  after.members = before.members;
  CHECK(Difference(before, after) == "");
  CHECK((host.StartNumber("dm-worker-18262.service") != start) == running);
}

TEST_CASE("a member that the record does not have leaves DM", "[runners]") {
  Play play("prune");
  play.BringUp();
  const auto ask = play.By(operations::PruneCluster, Named<v1::PruneClusterRequest>());
  CHECK(Reason(ask().status()) == "NO_GHOSTS");
  topology::Instance ghost;
  ghost.name = "worker-9";
  ghost.component = topology::Component::kDmWorker;
  ghost.machine_id = "m3";
  ghost.port = 28262;
  play.stage.members().Add(ghost);
  CHECK_THAT(play.stage.members().State(), Catch::Contains("worker-9"));
  play.Rehearse(ask);
  play.SawTheCast();
  CHECK_THAT(play.stage.members().State(), !Catch::Contains("worker-9"));
}

TEST_CASE("logs and data of a stopped cluster go", "[runners]") {
  Play play("clean");
  Perform(&play.stage, play.Deploying());
  REQUIRE_OK(play.stage.database().Transact([](store::Transaction& tx) {
    return store::SetMembership(tx, kCluster, {"master-3"}, topology::Membership::kJoined);
  }));
  auto request = Named<v1::CleanClusterRequest>();
  request.set_logs(true);
  request.set_data(true);
  const auto written = FillDirs(play.stage, kCluster);
  play.Rehearse(play.By(operations::CleanCluster, request));
  play.SawTheCast();
  for (const auto& path : written) CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a cluster gets another key", "[runners]") {
  Play play("another key");
  Perform(&play.stage, play.Deploying());
  play.Rehearse(play.By(operations::RotateClusterKey, Named<v1::RotateClusterKeyRequest>()));
  play.SawTheCast();
}

TEST_CASE("each runner of the catalog is rehearsed", "[runners]") {
  const Resources none;
  engine::Registry registry;
  operations::RegisterAll(&none, &registry);
  Names cast = RehearsedElsewhere();
  for (const auto& [play, runners] : Casts()) cast.insert(runners.begin(), runners.end());
  const auto names = registry.Names();
  CHECK(cast == Names(names.begin(), names.end()));
}

}  // namespace
}  // namespace dmgr::test

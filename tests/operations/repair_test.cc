// Repairs that do what differs, and no more.
#include "server/operations/repair/repair.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "server/clusters/to_api.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/plan/repair.h"
#include "server/operations/service/service.h"
#include "server/operations/upgrade/upgrade.h"
#include "server/store/operation_store.h"
#include "tests/operations/claimed_operation.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

const Caller kDave{"dave"};
constexpr char kRepaired[] = "dm-test";
constexpr char kWorkerUnit[] = "dm-worker-18262.service";
constexpr char kMasterUnit[] = "dm-master-18261.service";
constexpr char kWorkerToml[] = "opt/dm/deploy/dm-worker-18262/conf/dm-worker.toml";
constexpr char kMasterToml[] = "opt/dm/deploy/dm-master-18261/conf/dm-master.toml";

template <typename Request>
Request RequestOf() {
  Request request;
  request.set_cluster_name(kRepaired);
  return request;
}

// A cluster on m1 to m3. What is repaired is on m2 and m3: nobody listens to the stand-ins, and
// the Prometheus of m1 has no targets.
class Workshop {
 public:
  explicit Workshop(bool runs = true) {
    auto deploy = RequestOf<v1::DeployClusterRequest>();
    deploy.set_version("v7.5.1");
    deploy.set_user_login(true);
    *deploy.mutable_topology() = SampleTopology();
    Perform(&stage, [&] { return operations::DeployCluster(stage.resources(), deploy, kDave); });
    if (!runs) return;
    Perform(&stage, [&] {
      return operations::StartCluster(stage.resources(), RequestOf<v1::StartClusterRequest>(),
                                      kDave);
    });
  }

  absl::StatusOr<v1::Operation> Ask(bool dry_run = false) {
    auto request = RequestOf<v1::RepairClusterRequest>();
    request.mutable_selection()->add_nodes("10.0.0.2");
    request.mutable_selection()->add_nodes("10.0.0.3");
    request.set_validate_only(dry_run);
    return operations::RepairCluster(stage.resources(), request, kDave);
  }
  v1::Operation Plan() {
    auto plan = Ask(/*dry_run=*/true);
    REQUIRE_OK(plan.status());
    return *std::move(plan);
  }
  void Repair() {
    Perform(&stage, [&] { return Ask(); });
  }
  // Steps one after another, until one of this runner is next; the operation is under way still.
  static void RunUntil(ClaimedOperation* run, const std::string& runner) {
    for (auto* step = run->Next(); step != nullptr && step->runner != runner; step = run->Next()) {
      INFO("step " << step->step.step_id());
      run->Begin(*step);
      run->Record(step, run->Effect(*step), v1::STEP_STATE_SUCCEEDED);
    }
  }
  static void RunToEnd(ClaimedOperation* run) {
    RunUntil(run, "none");
    run->End(v1::OPERATION_STATE_SUCCEEDED);
  }

  void Change(const std::string& machine, const std::string& path) const {
    const auto& root = stage.host(machine).root();
    root.Write(path, root.Read(path) + "# more\n");
  }
  // Of the processes of all hosts, by host and unit.
  std::map<std::string, int> Starts() const {
    std::map<std::string, int> starts;
    for (const char* machine : {"m1", "m2", "m3"}) {
      for (const auto& unit : stage.host(machine).Running()) {
        starts[std::string(machine) + "/" + unit] = stage.host(machine).StartNumber(unit);
      }
    }
    return starts;
  }

  Stage stage;
};

std::set<std::string> HostsIn(const v1::Operation& plan) {
  std::set<std::string> hosts;
  for (const auto& step : plan.steps()) {
    if (!step.host().empty()) hosts.insert(step.host());
  }
  return hosts;
}

// Differences that a host's steps are for; nobody listens to a stand-in.
std::map<std::string, std::string> MendedIn(const v1::Operation& plan) {
  std::map<std::string, std::string> mended;
  for (const auto& step : plan.steps()) {
    if (step.host().empty()) continue;
    for (const auto& one : step.differences()) mended[one.path()] = step.step_id();
  }
  return mended;
}

TEST_CASE("a repair of one difference leaves all others as they are", "[runners][repair]") {
  Workshop workshop;
  const auto before = workshop.Starts();
  const std::string right = workshop.stage.host("m2").root().Read(kWorkerToml);
  workshop.Change("m2", kWorkerToml);
  const auto plan = workshop.Plan();
  CHECK(HostsIn(plan) == std::set<std::string>{"m2"});
  CHECK(MendedIn(plan) ==
        std::map<std::string, std::string>{{std::string("/") + kWorkerToml, "m2/repair/place"}});
  workshop.Repair();
  CHECK(workshop.stage.host("m2").root().Read(kWorkerToml) == right);
  const auto after = workshop.Starts();
  REQUIRE(before.size() == after.size());
  for (const auto& [unit, start] : before) {
    INFO(unit);
    CHECK((after.at(unit) == start) == (unit != std::string("m2/") + kWorkerUnit));
  }
  CHECK(HostsIn(workshop.Plan()).empty());
}

TEST_CASE("nothing differs, and the plan of a repair says so", "[runners][repair]") {
  Workshop workshop(/*runs=*/false);
  const auto plan = workshop.Plan();
  REQUIRE(plan.steps_size() == 1);
  CHECK_THAT(plan.steps(0).title(), Catch::StartsWith("nothing to repair"));
  CHECK(plan.steps(0).differences().empty());
  workshop.Repair();
}

TEST_CASE("what differs is in the record of a repair, too", "[runners][repair]") {
  Workshop workshop(/*runs=*/false);
  workshop.Change("m3", kWorkerToml);
  workshop.stage.host("m3").root().Write("opt/dm/deploy/dm-worker-18262/conf/mine.toml", "mine\n");
  const auto asked = workshop.Ask();
  REQUIRE_OK(asked.status());
  ClaimedOperation run(&workshop.stage);
  Workshop::RunToEnd(&run);
  const auto stored = store::Get(workshop.stage.database(), [&](store::Transaction& tx) {
    return store::GetOperation(tx, asked->operation_id());
  });
  const auto shown = clusters::ToApi(stored);
  CHECK(MendedIn(shown).count(std::string("/") + kWorkerToml) == 1);
  const auto& last = shown.steps(shown.steps_size() - 1);
  REQUIRE(last.differences_size() == 1);
  CHECK(last.differences(0).kind() == v1::DIFFERENCE_KIND_STRAY);
  CHECK_FALSE(last.differences(0).repairable());
}

TEST_CASE("what comes to differ after the plan was made is put right on the same machine",
          "[runners][repair]") {
  Workshop workshop;
  const auto& host = workshop.stage.host("m2");
  const std::string right = host.root().Read(kMasterToml);
  const int start = host.StartNumber(kMasterUnit);
  workshop.Change("m2", kWorkerToml);
  REQUIRE_OK(workshop.Ask().status());
  workshop.Change("m2", kMasterToml);
  std::filesystem::remove(host.root() / (std::string("run/units/") + kWorkerUnit));
  ClaimedOperation run(&workshop.stage);
  Workshop::RunToEnd(&run);
  CHECK(host.root().Read(kMasterToml) == right);
  CHECK(host.StartNumber(kMasterUnit) != start);
  CHECK(host.Runs(kWorkerUnit));
}

TEST_CASE("what does not differ any more is no failure, and restarts nothing",
          "[runners][repair]") {
  Workshop workshop;
  const auto& root = workshop.stage.host("m2").root();
  const std::string right = root.Read(kWorkerToml);
  const auto before = workshop.Starts();
  workshop.Change("m2", kWorkerToml);
  REQUIRE_OK(workshop.Ask().status());
  root.Write(kWorkerToml, right);
  ClaimedOperation run(&workshop.stage);
  Workshop::RunToEnd(&run);
  CHECK(workshop.Starts() == before);
}

TEST_CASE("a restart that a repair did not come to is done by the next one", "[runners][repair]") {
  Workshop workshop;
  const auto& host = workshop.stage.host("m2");
  const int start = host.StartNumber(kWorkerUnit);
  const int master = host.StartNumber(kMasterUnit);
  workshop.Change("m2", kWorkerToml);
  REQUIRE_OK(workshop.Ask().status());
  {
    ClaimedOperation run(&workshop.stage);
    Workshop::RunUntil(&run, operations::kRepairTurn);
    run.End(v1::OPERATION_STATE_FAILED);
  }
  CHECK(host.StartNumber(kWorkerUnit) == start);
  workshop.Repair();
  CHECK(host.StartNumber(kWorkerUnit) != start);
  CHECK(host.StartNumber(kMasterUnit) == master);
  // It is settled then.
  CHECK(HostsIn(workshop.Plan()).empty());
}

TEST_CASE("a repair finds what an abandoned upgrade has left half done", "[runners][repair]") {
  Workshop workshop(/*runs=*/false);
  workshop.stage.AddPackage("v7.5.2");
  const Scene before = workshop.stage.Look();
  auto upgrade = RequestOf<v1::UpgradeClusterRequest>();
  upgrade.set_version("v7.5.2");
  upgrade.set_strategy(v1::STRATEGY_OFFLINE);
  const auto asked = operations::UpgradeCluster(workshop.stage.resources(), upgrade, kDave);
  REQUIRE_OK(asked.status());
  {
    ClaimedOperation run(&workshop.stage);
    Workshop::RunUntil(&run, "host.upgrade_stopped");
    run.End(v1::OPERATION_STATE_FAILED);
  }
  REQUIRE_OK(workshop.stage.database().Transact(
      [&](store::Transaction& tx) { return store::Abandon(tx, asked->operation_id()); }));
  // Its release lies on the hosts, where nobody uses it.
  CHECK(testing::Difference(before.hosts.at("m2"), workshop.stage.Look().hosts.at("m2")) != "");
  CHECK(HostsIn(workshop.Plan()) == std::set<std::string>{"m2", "m3"});
  workshop.Repair();
  const Scene after = workshop.stage.Look();
  for (const char* machine : {"m2", "m3"}) {
    INFO(machine);
    CHECK(testing::Difference(before.hosts.at(machine), after.hosts.at(machine)) == "");
  }
  CHECK(HostsIn(workshop.Plan()).empty());
}

}  // namespace
}  // namespace dmgr::test

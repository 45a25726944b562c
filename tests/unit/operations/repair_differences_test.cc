// Plans of repairs that are made of differences.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "server/operations/plan/repair.h"
#include "server/operations/repair/plan.h"
#include "server/verify/findings.h"
#include "tests/unit/clusters/samples.h"
#include "tests/unit/operations/params.h"

namespace dmgr::operations {
namespace {

using topology::Cluster;
using topology::Component;
using topology::Instance;
using Titles = std::vector<std::string>;

// Dm-worker on m2, beside a dm-master.
class Found {
 public:
  Found() : cluster_(clusters::SampleCluster()), findings_("demo") {
    for (auto& instance : cluster_.instances) instance.wanted_running = true;
  }

  const Instance& At(const std::string& machine, Component component) const {
    for (const auto* one : cluster_.OnMachine(machine)) {
      if (one->component == component) return *one;
    }
    FAIL("no such instance on " << machine);
    return cluster_.instances.front();
  }
  const Instance& Worker() const { return At("m2", Component::kDmWorker); }
  void Stop(const Instance& instance) {
    for (auto& one : cluster_.instances) {
      if (one.name == instance.name) one.wanted_running = false;
    }
  }
  void Add(v1::DifferenceKind kind, const Instance& instance, const std::string& path) {
    AddOn(kind, {.machine = instance.machine_id, .instance = instance.name, .path = path});
  }
  void AddOn(v1::DifferenceKind kind, const verify::Subject& subject) {
    findings_.Add(kind, subject, "one", "other", subject.path + " is other, not one");
  }

  engine::Plan Plan(std::vector<std::string> machines = {},
                    std::vector<pv1::OwedRestart> owed = {}) const {
    auto plan = PlanRepair(cluster_, {.machines = std::move(machines),
                                      .differences = findings_.differences(),
                                      .owed = std::move(owed)});
    REQUIRE(engine::Check(plan).ok());
    std::size_t told = 0;
    for (const auto& step : plan.steps) {
      told += static_cast<std::size_t>(ParamsOf<pv1::StepNotes>(step).differences_size());
    }
    CHECK(told == findings_.differences().size());
    return plan;
  }
  const Cluster& cluster() const { return cluster_; }

 private:
  Cluster cluster_;
  verify::Findings findings_;
};

std::vector<std::string> IdsIn(const engine::Plan& plan) {
  std::vector<std::string> ids;
  for (const auto& step : plan.steps) ids.push_back(step.id);
  return ids;
}

// The paths of what a step is for.
std::multiset<std::string> PathsOf(const engine::Plan& plan, const std::string& id) {
  std::multiset<std::string> paths;
  for (const auto& step : plan.steps) {
    if (step.id != id) continue;
    const auto notes = ParamsOf<pv1::StepNotes>(step);
    for (const auto& one : notes.differences()) paths.insert(one.path());
  }
  return paths;
}

TEST_CASE("one file that differs has steps of its host, and a turn of its instance") {
  Found found;
  found.Add(v1::DIFFERENCE_KIND_FILE_CONTENT, found.Worker(), "/conf/x.toml");
  const auto plan = found.Plan();
  const std::string renew = "m2/repair/renew/" + found.Worker().name;
  CHECK(IdsIn(plan) ==
        Titles{"m2/repair/look", "m2/repair/place", renew, "m2/repair/rest", "repaired"});
  CHECK(PathsOf(plan, "m2/repair/place") == std::multiset<std::string>{"/conf/x.toml"});
  const auto rest = ParamsOf<pv1::RepairParams>(plan.steps[3]);
  CHECK(rest.instances_size() == static_cast<int>(found.cluster().OnMachine("m2").size()));
  REQUIRE(rest.renewed_size() == 1);
  CHECK(rest.renewed(0) == found.Worker().name);
  // A repair is no next action of itself.
  CHECK(ParamsOf<pv1::StepNotes>(plan.steps[1]).differences(0).next_actions().empty());
  CHECK(ParamsOf<pv1::RepairParams>(plan.steps.back()).machines_size() == 1);
}

TEST_CASE("what only lies otherwise restarts nothing") {
  Found found;
  found.Add(v1::DIFFERENCE_KIND_UNIT_AT_BOOT, found.Worker(), "x.service");
  found.AddOn(v1::DIFFERENCE_KIND_KEY_MISSING, {.machine = "m2", .path = "tidb"});
  CHECK(IdsIn(found.Plan()) ==
        Titles{"m2/repair/look", "m2/repair/place", "m2/repair/rest", "repaired"});
}

TEST_CASE("what follows from a process that is down is put right by its start") {
  Found found;
  const Instance& worker = found.Worker();
  const Instance& monitor = found.At("m1", Component::kPrometheus);
  found.Add(v1::DIFFERENCE_KIND_NOT_RUNNING, worker, "x.service");
  found.Add(v1::DIFFERENCE_KIND_FILE_MISSING, worker, "/conf/x.toml");
  found.Add(v1::DIFFERENCE_KIND_MEMBER_DOWN, worker, worker.NodeId());
  found.Add(v1::DIFFERENCE_KIND_TARGET_DOWN, monitor, worker.NodeId());
  const auto plan = found.Plan();
  CHECK(IdsIn(plan) == Titles{"m2/repair/look", "m2/repair/place", "m2/repair/run/dm-worker",
                              "m2/repair/rest", "repaired"});
  CHECK(PathsOf(plan, "m2/repair/run/dm-worker") ==
        std::multiset<std::string>{"x.service", worker.NodeId(), worker.NodeId()});
  CHECK(PathsOf(plan, "repaired").empty());
}

TEST_CASE("what runs and is not to is stopped, whatever program it runs") {
  Found found;
  found.Stop(found.Worker());
  found.Add(v1::DIFFERENCE_KIND_RUNNING, found.Worker(), "x.service");
  found.Add(v1::DIFFERENCE_KIND_OLD_PROGRAM, found.Worker(), "x.service");
  const auto plan = found.Plan();
  CHECK(IdsIn(plan) == Titles{"m2/repair/look", "m2/repair/place", "m2/repair/halt",
                              "m2/repair/rest", "repaired"});
  CHECK(PathsOf(plan, "m2/repair/halt").size() == 2);
}

TEST_CASE("an old program is restarted, and a Prometheus without its targets reads again") {
  Found found;
  const Instance& monitor = found.At("m1", Component::kPrometheus);
  found.Add(v1::DIFFERENCE_KIND_OLD_PROGRAM, found.Worker(), "x.service");
  found.Add(v1::DIFFERENCE_KIND_TARGET_MISSING, monitor, "10.0.0.2:8262");
  const auto plan = found.Plan();
  const std::string worker = "m2/repair/renew/" + found.Worker().name;
  const std::string prometheus = "m1/repair/renew/" + monitor.name;
  CHECK(PathsOf(plan, worker).size() == 1);
  CHECK(PathsOf(plan, prometheus).size() == 1);
  for (const auto& step : plan.steps) {
    if (step.runner != kRepairTurn) continue;
    CHECK(ParamsOf<pv1::RepairParams>(step).hup() == (step.id == prometheus));
  }
}

TEST_CASE("what a repair cannot mend is told with what helps, and has no step") {
  Found found;
  found.Add(v1::DIFFERENCE_KIND_STRAY, found.Worker(), "/conf/mine.toml");
  found.AddOn(v1::DIFFERENCE_KIND_MEMBER_STRANGER, {.instance = "dm-x", .path = "10.0.0.9:8262"});
  found.Add(v1::DIFFERENCE_KIND_MEMBER_DOWN, found.Worker(), found.Worker().NodeId());
  const auto plan = found.Plan();
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].title == "nothing that a repair can put right");
  const auto notes = ParamsOf<pv1::StepNotes>(plan.steps[0]);
  REQUIRE(notes.differences_size() == 3);
  CHECK(notes.differences(1).next_actions(0).action() == v1::ACTION_PRUNE_CLUSTER);
  CHECK(notes.differences(2).next_actions(0).action() == v1::ACTION_READ_LOGS);
}

TEST_CASE("a repair without a difference says that there is none") {
  const Found found;
  const auto plan = found.Plan();
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].title == "nothing to repair: all is as it is recorded");
}

TEST_CASE("a machine that is behind has all of its steps, beside one with a difference") {
  Found found;
  found.Add(v1::DIFFERENCE_KIND_FILE_CONTENT, found.Worker(), "/conf/x.toml");
  found.AddOn(v1::DIFFERENCE_KIND_HOST_UNREACHABLE, {.machine = "m3"});
  const Instance& master = found.At("m3", Component::kDmMaster);
  pv1::OwedRestart owed;
  owed.set_instance(master.name);
  owed.set_unix_micros(5);
  const auto plan = found.Plan({"m3"}, {owed});
  const auto ids = IdsIn(plan);
  const std::set<std::string> all(ids.begin(), ids.end());
  for (const auto* id : {"m3/repair/look", "m3/repair/place", "m3/repair/run/dm-master",
                         "m3/repair/drop", "m2/repair/look", "m2/repair/rest"}) {
    INFO(id);
    CHECK(all.contains(id));
  }
  CHECK(all.contains("m3/repair/renew/" + master.name));
  for (const auto* id : {"m3/repair/rest", "m2/repair/drop", "m2/repair/run/dm-worker"}) {
    INFO(id);
    CHECK_FALSE(all.contains(id));
  }
  for (const auto& step : plan.steps) {
    CHECK(step.host != "m1");
    const bool owes = step.id == "m3/repair/look";
    CHECK(ParamsOf<pv1::RepairParams>(step).owed_size() == (owes ? 1 : 0));
  }
  CHECK(ParamsOf<pv1::RepairParams>(plan.steps.back()).machines_size() == 2);
}

TEST_CASE("what hosts say is stored as one line of limited length") {
  Found found;
  found.Add(v1::DIFFERENCE_KIND_FILE_CONTENT, found.Worker(),
            "/conf/" + std::string(3000, 'x') + std::string("\n\0", 2));
  const auto notes = ParamsOf<pv1::StepNotes>(found.Plan().steps[1]);
  REQUIRE(notes.differences_size() == 1);
  CHECK(notes.differences(0).path().size() < 700);
  CHECK(notes.differences(0).text().find('\n') == std::string::npos);
}

}  // namespace
}  // namespace dmgr::operations

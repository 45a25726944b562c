// What an operation will do, and where a cluster's things go on a host: all of it pure.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "server/operations/layout.h"
#include "server/operations/plans.h"
#include "tests/unit/topology_fixture.h"

namespace dmgr::operations {
namespace {

using topology::Cluster;
using topology::Component;
using topology::Instance;
using Names = std::vector<std::string>;

// Three masters and two workers on m1 to m3, monitoring on m1; m3 has a master only.
Cluster SampleCluster() {
  auto input = topology::Input(R"(
    global { deploy_dir: "/dm" data_dir: "/dm-data" }
    master_servers { placement { host: "10.0.0.1" } }
    master_servers { placement { host: "10.0.0.2" } }
    master_servers { placement { host: "10.0.0.3" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } }
    monitoring_servers { placement { host: "10.0.0.1" } }
    alertmanager_servers { placement { host: "10.0.0.1" } }
    grafana_servers { placement { host: "10.0.0.1" } } )");
  Cluster cluster = topology::Good(input);
  cluster.uuid = "11111111-2222-4333-8444-555555555555";
  return cluster;
}

v1::Package SamplePackage() {
  v1::Package package;
  package.set_version("v7.5.2");
  const std::map<std::string, Names> files = {
      {"dm-master", {"bin/dm-master"}},
      {"dm-worker", {"bin/dm-worker"}},
      {"prometheus", {"bin/prometheus", "bin/promtool"}},
      {"alertmanager", {"bin/alertmanager"}},
      {"grafana",
       {"bin/grafana-server", "bin/grafana-cli", "homepath/public/app.js", "homepath/conf/x.ini",
        "plugins/p/plugin.json", "VERSION"}}};
  for (const auto& [name, paths] : files) {
    auto* component = package.add_components();
    component->set_component(name);
    component->set_release_hash("hash-" + name);
    component->set_compressed_bytes(1000000 * name.size());
    for (const auto& path : paths) component->add_files()->set_path(path);
  }
  return package;
}

const engine::Step& Find(const engine::Plan& plan, const std::string& id) {
  for (const auto& step : plan.steps) {
    if (step.id == id) return step;
  }
  FAIL("no step " << id);
  return plan.steps.front();
}

// Every step that must have ended before `id` begins.
std::set<std::string> Before(const engine::Plan& plan, const std::string& id) {
  std::set<std::string> all;
  for (const auto& other : Find(plan, id).depends_on) {
    all.insert(other);
    all.merge(Before(plan, other));
  }
  return all;
}

std::set<std::string> Ids(const engine::Plan& plan, const std::string& runner) {
  std::set<std::string> ids;
  for (const auto& step : plan.steps) {
    if (step.runner == runner) ids.insert(step.id);
  }
  return ids;
}

std::set<std::string> Union(std::set<std::string> one, const std::set<std::string>& other) {
  one.insert(other.begin(), other.end());
  return one;
}

bool Includes(const std::set<std::string>& all, const std::set<std::string>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

// What every plan must be.
void CheckSound(const engine::Plan& plan) {
  std::set<std::string> seen;
  for (const auto& step : plan.steps) {
    INFO(step.id);
    CHECK_FALSE(step.title.empty());
    CHECK_FALSE(step.runner.empty());
    CHECK(step.weight > 0);
    // A step of a host has the host's machine and a control step has none.
    CHECK(step.host.empty() == (step.runner.rfind("control.", 0) == 0));
    for (const auto& other : step.depends_on) CHECK(seen.count(other) == 1);
    CHECK(seen.insert(step.id).second);
  }
}

Names InstancesOf(const engine::Step& step) {
  InstancesParams params;
  REQUIRE(FromJson(step.payload_json, &params).ok());
  return params.instances;
}

std::vector<const Instance*> All(const Cluster& cluster) {
  std::vector<const Instance*> all;
  for (const auto& instance : cluster.instances) all.push_back(&instance);
  return all;
}

// ---- Plans ----

TEST_CASE("a deploy changes nothing before every host was surveyed", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanDeploy(cluster, SamplePackage());
  CheckSound(plan);
  CHECK(plan.kind == v1::OPERATION_KIND_DEPLOY);
  CHECK(plan.cluster_name == cluster.name);
  CHECK(plan.cluster_uuid == cluster.uuid);
  const auto surveys = Ids(plan, kSurvey);
  CHECK(surveys == std::set<std::string>{"m1/survey", "m2/survey", "m3/survey"});
  for (const auto& step : plan.steps) {
    INFO(step.id);
    if (step.runner == kRegister) {
      CHECK(step.depends_on.empty());
    } else if (step.runner == kSurvey) {
      CHECK(step.depends_on == Names{"register"});
    } else {
      CHECK(Includes(Before(plan, step.id), surveys));
    }
  }
}

TEST_CASE("a deploy sends each component once to each host that needs it", "[plan]") {
  const auto plan = PlanDeploy(SampleCluster(), SamplePackage());
  CHECK(Ids(plan, kRelease) ==
        std::set<std::string>{"m1/release/dm-master", "m1/release/dm-worker",
                              "m1/release/prometheus", "m1/release/alertmanager",
                              "m1/release/grafana", "m2/release/dm-master", "m2/release/dm-worker",
                              "m3/release/dm-master"});
  const auto& send = Find(plan, "m2/release/dm-worker");
  CHECK(send.host == "m2");
  CHECK(send.bytes_total == 9000000);
  // A bigger one counts for more of the progress.
  CHECK(Find(plan, "m1/release/alertmanager").weight > send.weight);
  ReleaseParams params;
  REQUIRE(FromJson(send.payload_json, &params).ok());
  CHECK(params.component == "dm-worker");
}

TEST_CASE("a host is installed after its own preparation, and recorded after all", "[plan]") {
  const auto plan = PlanDeploy(SampleCluster(), SamplePackage());
  CHECK(std::set<std::string>(Find(plan, "m3/install").depends_on.begin(),
                              Find(plan, "m3/install").depends_on.end()) ==
        std::set<std::string>{"m3/prepare", "m3/release/dm-master"});
  // Hosts do not wait for one another.
  CHECK(Before(plan, "m3/install").count("m1/prepare") == 0);
  CHECK(plan.steps.back().runner == kRecordState);
  CHECK(Includes(Before(plan, plan.steps.back().id), Ids(plan, kInstall)));
  StateParams params;
  REQUIRE(FromJson(plan.steps.back().payload_json, &params).ok());
  CHECK(params.state == "CLUSTER_STATE_OFFLINE");
  for (const auto& step : plan.steps) CHECK_FALSE(step.point_of_no_return);
}

TEST_CASE("a start goes in waves, each after the one before on all hosts", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanStart(cluster, All(cluster), true);
  CheckSound(plan);
  const std::set<std::string> masters = {"m1/start/dm-master", "m2/start/dm-master",
                                         "m3/start/dm-master"};
  const std::set<std::string> workers = {"m1/start/dm-worker", "m2/start/dm-worker"};
  // What runs is recorded before anything is started, on all hosts.
  const std::set<std::string> surveys = Ids(plan, kSurveyUnits);
  CHECK(surveys == std::set<std::string>{"m1/units", "m2/units", "m3/units"});
  for (const auto& id : masters) CHECK(Before(plan, id) == surveys);
  for (const auto& id : workers) CHECK(Before(plan, id) == Union(masters, surveys));
  // Monitoring and DM do not wait for each other.
  const auto& before = Find(plan, "m1/start/monitoring").depends_on;
  CHECK(std::set<std::string>(before.begin(), before.end()) == surveys);
  CHECK(InstancesOf(Find(plan, "m1/start/monitoring")).size() == 3);
  CHECK(plan.steps.back().id == "record");
  CHECK(Includes(Before(plan, "record"), Union({"m1/start/monitoring"}, workers)));
  StateParams params;
  REQUIRE(FromJson(plan.steps.back().payload_json, &params).ok());
  CHECK(params.state == "CLUSTER_STATE_UP");
}

TEST_CASE("a part of a cluster is started without a claim for the whole", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanStart(cluster, cluster.Of(Component::kDmWorker), false);
  CheckSound(plan);
  CHECK(Ids(plan, kStart) == std::set<std::string>{"m1/start/dm-worker", "m2/start/dm-worker"});
  CHECK(InstancesOf(Find(plan, "m2/start/dm-worker")) ==
        Names{cluster.Of(Component::kDmWorker)[1]->name});
  StateParams params;
  REQUIRE(FromJson(plan.steps.back().payload_json, &params).ok());
  CHECK(params.state.empty());
}

TEST_CASE("a stop goes the other way round", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanStop(cluster, All(cluster), true);
  CheckSound(plan);
  const std::set<std::string> surveys = Ids(plan, kSurveyUnits);
  CHECK(Before(plan, "m1/stop/monitoring") == surveys);
  CHECK(Before(plan, "m2/stop/dm-worker") == surveys);
  CHECK(Includes(Before(plan, "m3/stop/dm-master"), {"m1/stop/dm-worker", "m2/stop/dm-worker"}));
  StateParams params;
  REQUIRE(FromJson(plan.steps.back().payload_json, &params).ok());
  CHECK(params.state == "CLUSTER_STATE_OFFLINE");
}

TEST_CASE("a destroy stops everything, removes, and forgets last", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto plan = PlanDestroy(cluster, {"m1", "m2", "m3"});
  CheckSound(plan);
  const auto stops = Ids(plan, kStop);
  const auto removes = Ids(plan, kRemove);
  CHECK(stops.size() == 6);
  CHECK(removes == std::set<std::string>{"m1/remove", "m2/remove", "m3/remove"});
  for (const auto& id : removes) {
    CHECK(Includes(Before(plan, id), stops));
    CHECK(Find(plan, id).point_of_no_return);
  }
  CHECK(plan.steps.front().runner == kRecordState);
  for (const auto& id : stops) CHECK(Before(plan, id).count(plan.steps.front().id) == 1);
  CHECK(plan.steps.back().runner == kErase);
  CHECK(Includes(Before(plan, plan.steps.back().id), removes));
}

TEST_CASE("a destroy leaves hosts alone that were never surveyed", "[plan]") {
  const Cluster cluster = SampleCluster();
  const auto some = PlanDestroy(cluster, {"m2"});
  CheckSound(some);
  for (const auto& step : some.steps) CHECK((step.host.empty() || step.host == "m2"));
  CHECK(Ids(some, kRemove) == std::set<std::string>{"m2/remove"});
  const auto none = PlanDestroy(cluster, {});
  CheckSound(none);
  REQUIRE(none.steps.size() == 2);
  CHECK(none.steps[1].runner == kErase);
  CHECK(none.steps[1].depends_on == Names{none.steps[0].id});
}

TEST_CASE("parameters that cannot be read are an error", "[plan]") {
  InstancesParams params;
  for (const char* text : {"", "{", "[]", R"({"instances":1})", R"({"other":[]})"}) {
    CHECK_FALSE(FromJson(text, &params).ok());
  }
}

// ---- Layout ----

TEST_CASE("directories come before what is in them", "[layout]") {
  const Cluster cluster = SampleCluster();
  for (const auto& instance : cluster.instances) {
    Names seen;
    for (const auto& dir : DirsOf(instance)) {
      CHECK(topology::IsCleanPath(dir));
      for (const auto& other : seen) {
        INFO(dir << " after " << other);
        CHECK_FALSE((dir != other && topology::Contains(dir, other)));
      }
      seen.push_back(dir);
    }
    for (const char* name : {"/bin", "/scripts", "/conf"}) {
      CHECK(std::count(seen.begin(), seen.end(), instance.deploy_dir + name) == 1);
    }
    CHECK(std::count(seen.begin(), seen.end(), instance.data_dir) == 1);
    CHECK(std::count(seen.begin(), seen.end(), instance.log_dir) == 1);
  }
}

TEST_CASE("directories belong to the cluster's user", "[layout]") {
  const Cluster cluster = SampleCluster();
  const auto dirs = DirsToMake(cluster, "m3");
  CHECK_FALSE(dirs.empty());
  for (const auto& dir : dirs) {
    CHECK(dir.owner() == cluster.user);
    CHECK(dir.group() == cluster.group);
    CHECK(dir.mode() == 0755);
  }
  CHECK(DirsToMake(cluster, "nobody").empty());
}

TEST_CASE("programs are placed one by one, trees as a whole, plugins not at all", "[layout]") {
  const Cluster cluster = SampleCluster();
  const auto package = SamplePackage();
  const Instance& grafana = *cluster.Of(Component::kGrafana).front();
  const auto* release = FindComponent(package, "grafana");
  REQUIRE(release != nullptr);
  std::map<std::string, std::string> placed;
  for (const auto& placement : PlacementsOf(grafana, *release)) {
    CHECK(placement.hash() == "hash-grafana");
    CHECK(placed.emplace(placement.source(), placement.target()).second);
  }
  CHECK(placed == std::map<std::string, std::string>{
                      {"bin/grafana-server", grafana.deploy_dir + "/bin/grafana-server"},
                      {"bin/grafana-cli", grafana.deploy_dir + "/bin/grafana-cli"},
                      {"homepath", grafana.deploy_dir + "/homepath"}});
  CHECK(FindComponent(package, "node_exporter") == nullptr);
}

hv1::PathState* AddPath(hv1::InspectReply* seen, const std::string& path,
                        hv1::PathState::Type type) {
  auto* state = seen->add_paths();
  state->set_path(path);
  state->set_type(type);
  state->set_root_only_parent("/");
  return state;
}

// A host on which nothing of the cluster is: only `there` and what is above exist.
hv1::InspectReply CleanHost(const Cluster& cluster, const std::string& machine,
                            const std::set<std::string>& there = {}) {
  hv1::InspectReply seen;
  const auto inspect = InspectionOf(cluster, machine);
  for (const auto& path : inspect.paths()) {
    AddPath(&seen, path,
            there.count(path) == 0 ? hv1::PathState::TYPE_ABSENT : hv1::PathState::TYPE_DIRECTORY);
  }
  return seen;
}

hv1::PathState* State(hv1::InspectReply* seen, const std::string& path) {
  for (auto& state : *seen->mutable_paths()) {
    if (state.path() == path) return &state;
  }
  FAIL("not asked about: " << path);
  return nullptr;
}

Names List(const google::protobuf::RepeatedPtrField<std::string>& list) {
  return {list.begin(), list.end()};
}

TEST_CASE("a host is asked about everything that a deploy would touch", "[layout]") {
  const Cluster cluster = SampleCluster();
  const auto inspect = InspectionOf(cluster, "m1");
  CHECK(inspect.user() == cluster.user);
  CHECK(inspect.group() == cluster.group);
  const auto paths = List(inspect.paths());
  for (const auto& dir : DirsToMake(cluster, "m1")) {
    CHECK(std::count(paths.begin(), paths.end(), dir.path()) == 1);
  }
  // With what is above.
  CHECK(std::count(paths.begin(), paths.end(), "/dm") == 1);
  CHECK(std::count(paths.begin(), paths.end(), "/") == 0);
  CHECK(inspect.units_size() == 5);
  const std::set<std::uint32_t> ports(inspect.ports().begin(), inspect.ports().end());
  CHECK(ports == std::set<std::uint32_t>{8261, 8291, 8262, 9090, 9093, 9094, 3000});
}

TEST_CASE("what was there before survives its JSON", "[layout]") {
  const Cluster cluster = SampleCluster();
  auto seen = CleanHost(cluster, "m1", {"/dm"});
  seen.set_user_exists(true);
  const HostBefore before = MakeBefore(cluster, "m1", seen);
  CHECK(before.user_existed);
  CHECK_FALSE(before.group_existed);
  CHECK(std::count(before.absent.begin(), before.absent.end(), "/dm") == 0);
  CHECK(std::count(before.absent.begin(), before.absent.end(), "/dm-data") == 1);
  const auto again = HostBeforeFromJson(ToJson(before));
  REQUIRE(again.ok());
  CHECK(again->user_existed == before.user_existed);
  CHECK(again->group_existed == before.group_existed);
  CHECK(again->absent == before.absent);
  CHECK(again->stores == before.stores);
  for (const char* text : {"", "{}", "[]", R"({"user_existed":"x"})"}) {
    CHECK_FALSE(HostBeforeFromJson(text).ok());
  }
}

TEST_CASE("there is one release store for each file system", "[layout]") {
  const Cluster cluster = SampleCluster();
  auto seen = CleanHost(cluster, "m1");
  const auto on = cluster.OnMachine("m1");
  State(&seen, on[0]->deploy_dir)->set_root_only_parent("/");
  State(&seen, on[1]->deploy_dir)->set_root_only_parent("/srv/big");
  State(&seen, on[1]->deploy_dir)->set_device(7);
  State(&seen, on[2]->deploy_dir)->set_root_only_parent("/srv");
  State(&seen, on[2]->deploy_dir)->set_device(7);
  const HostBefore before = MakeBefore(cluster, "m1", seen);
  CHECK(before.stores.size() == on.size());
  CHECK(before.stores.at(on[0]->deploy_dir) == "/.dmgr/releases");
  CHECK(before.stores.at(on[1]->deploy_dir) == "/srv/big/.dmgr/releases");
  CHECK(before.stores.at(on[2]->deploy_dir) == before.stores.at(on[1]->deploy_dir));
}

TEST_CASE("a clean host has no conflicts", "[layout]") {
  const Cluster cluster = SampleCluster();
  CHECK(DeployConflicts(cluster, "m1", CleanHost(cluster, "m1")).empty());
}

TEST_CASE("all conflicts of a host are listed", "[layout]") {
  Cluster cluster = SampleCluster();
  cluster.skip_create_user = true;
  const Instance& master = *cluster.OnMachine("m3").front();
  auto seen = CleanHost(cluster, "m3", {"/dm", master.deploy_dir});
  auto* port = seen.add_ports();
  port->set_port(8291);
  port->set_listener("nginx (812)");
  auto* unit = seen.add_units();
  unit->set_unit(master.Unit());
  unit->set_loaded(true);
  State(&seen, master.deploy_dir + "/bin")->set_type(hv1::PathState::TYPE_FILE);
  State(&seen, master.data_dir)->set_type(hv1::PathState::TYPE_DIRECTORY);
  const auto conflicts = DeployConflicts(cluster, "m3", seen);
  const auto mentions = [&](const std::string& text) {
    return std::count_if(conflicts.begin(), conflicts.end(), [&](const std::string& conflict) {
      return conflict.find(text) != std::string::npos;
    });
  };
  CHECK(conflicts.size() == 5);
  CHECK(mentions("8291") == 1);
  CHECK(mentions("nginx (812)") == 1);
  CHECK(mentions("user " + cluster.user) == 1);
  CHECK(mentions(master.Unit()) == 1);
  CHECK(mentions("/bin") == 1);
  CHECK(mentions(master.data_dir) == 1);
  // An empty folder is nobody's.
  State(&seen, master.data_dir)->set_empty(true);
  CHECK(DeployConflicts(cluster, "m3", seen).size() == 4);
}

TEST_CASE("an instance's own unit on its port is no conflict", "[layout]") {
  const Cluster cluster = SampleCluster();
  const auto masters = cluster.Of(Component::kDmMaster);
  hv1::InspectReply seen;
  auto* port = seen.add_ports();
  port->set_port(8261);
  port->set_unit(masters[0]->Unit());
  CHECK(StartConflicts({masters[0]}, seen).empty());
  port->set_unit("other.service");
  REQUIRE(StartConflicts({masters[0]}, seen).size() == 1);
  CHECK_THAT(StartConflicts({masters[0]}, seen)[0], Catch::Contains("8261") &&
                                                        Catch::Contains(masters[0]->name) &&
                                                        Catch::Contains("another process"));
  // Only the ports of the selected ones count.
  CHECK(StartConflicts({cluster.Of(Component::kDmWorker)[0]}, seen).empty());
}

TEST_CASE("a destroy removes what was absent before and nothing else", "[layout]") {
  const Cluster cluster = SampleCluster();
  const Instance& master = *cluster.OnMachine("m3").front();
  const HostBefore clean = MakeBefore(cluster, "m3", CleanHost(cluster, "m3"));
  auto removal = RemovalOf(cluster, "m3", clean, "ssh-ed25519 AAAA dmgr");
  CHECK(List(removal.units()) == Names{master.Unit()});
  CHECK(removal.user() == cluster.user);
  CHECK(removal.public_key() == "ssh-ed25519 AAAA dmgr");
  CHECK(List(removal.store_dirs()) == Names{"/.dmgr/releases"});
  // The outermost ones; what is in them goes with them. /dm and /dm-data only when empty.
  const auto dirs = List(removal.dirs());
  CHECK(std::count(dirs.begin(), dirs.end(), master.deploy_dir) == 1);
  CHECK(std::count(dirs.begin(), dirs.end(), master.deploy_dir + "/bin") == 0);
  CHECK(std::count(dirs.begin(), dirs.end(), "/dm") == 0);
  const auto parents = List(removal.parents());
  CHECK(std::count(parents.begin(), parents.end(), "/dm") == 1);
  CHECK(std::count(parents.begin(), parents.end(), "/dm-data") == 1);
  for (std::size_t i = 0; i < parents.size(); ++i) {
    for (std::size_t k = i + 1; k < parents.size(); ++k) {
      CHECK_FALSE(topology::Contains(parents[i], parents[k]));
    }
  }
}

TEST_CASE("a destroy leaves what was there before", "[layout]") {
  const Cluster cluster = SampleCluster();
  const Instance& master = *cluster.OnMachine("m3").front();
  auto seen = CleanHost(cluster, "m3", {"/dm", "/dm-data", master.deploy_dir});
  const auto removal = RemovalOf(cluster, "m3", MakeBefore(cluster, "m3", seen), "key");
  const auto dirs = List(removal.dirs());
  CHECK(std::count(dirs.begin(), dirs.end(), master.deploy_dir) == 0);
  // What dmgr made in it goes, one by one.
  for (const char* name : {"/bin", "/scripts", "/conf"}) {
    CHECK(std::count(dirs.begin(), dirs.end(), master.deploy_dir + name) == 1);
  }
  const auto parents = List(removal.parents());
  CHECK(std::count(parents.begin(), parents.end(), "/dm") == 0);
  CHECK(std::count(parents.begin(), parents.end(), "/dm-data") == 0);
}

}  // namespace
}  // namespace dmgr::operations

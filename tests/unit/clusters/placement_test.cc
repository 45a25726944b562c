// Where a cluster's things go on a host: all of it pure.
#include "server/clusters/placement.h"

#include <algorithm>
#include <set>

#include "server/clusters/conflicts.h"
#include "server/clusters/host_before.h"
#include "server/clusters/removal.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::clusters {
namespace {

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
    const auto instance = std::ranges::find(cluster.instances, dir.path(), &Instance::data_dir);
    const bool is_etcd =
        instance != cluster.instances.end() && instance->component == Component::kDmMaster;
    CHECK(dir.mode() == (is_etcd ? 0700 : 0755));
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
  state->set_owner("root");
  state->set_mode(0755);
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
  CHECK(inspect.units_size() == 7);
  const std::set<std::uint32_t> ports(inspect.ports().begin(), inspect.ports().end());
  CHECK(ports == std::set<std::uint32_t>{8261, 8291, 8262, 9090, 9093, 9094, 3000, 9100, 9115});
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
  CHECK(conflicts.size() == 7);
  CHECK(mentions("8291") == 1);
  CHECK(mentions("nginx (812)") == 1);
  CHECK(mentions("user " + cluster.user) == 1);
  CHECK(mentions("group " + cluster.group) == 1);
  // It has things in it that are not the user's.
  CHECK(mentions(master.deploy_dir + " of " + master.name + " is there and belongs to root") == 1);
  CHECK(mentions(master.Unit()) == 1);
  CHECK(mentions("/bin") == 1);
  CHECK(mentions(master.data_dir) == 1);
}

TEST_CASE("what is there and belongs to others is not taken", "[layout]") {
  const Cluster cluster = SampleCluster();
  const Instance& master = *cluster.OnMachine("m3").front();
  auto seen = CleanHost(cluster, "m3", {"/dm-data", master.data_dir});
  auto* data = State(&seen, master.data_dir);
  data->set_empty(true);
  const auto conflicts = [&] { return DeployConflicts(cluster, "m3", seen); };
  // Empty is not enough: somebody may need it as it is.
  CHECK(conflicts().size() == 1);
  data->set_owner(cluster.user);
  CHECK(conflicts().empty());
  // A disk that was mounted there.
  data->set_owner("root");
  data->mutable_file_system()->set_device(7);
  CHECK(conflicts().empty());
  data->set_empty(false);
  CHECK(conflicts().size() == 1);
}

TEST_CASE("nobody else may change what is above the directories", "[layout]") {
  const Cluster cluster = SampleCluster();
  struct Row {
    const char* owner;
    std::uint32_t mode;
    const char* who;
  };
  const std::string user = cluster.user;
  for (const Row& row :
       {Row{"root", 0755, ""}, Row{"bob", 0755, "bob"}, Row{"root", 0775, "its group"},
        Row{"root", 0777, "everybody"}, Row{"root", 01777, ""}, Row{user.c_str(), 0775, ""},
        Row{user.c_str(), 0777, "everybody"}}) {
    INFO(row.owner << " " << std::oct << row.mode);
    auto seen = CleanHost(cluster, "m3", {"/dm"});
    State(&seen, "/dm")->set_owner(row.owner);
    State(&seen, "/dm")->set_mode(row.mode);
    const auto conflicts = DeployConflicts(cluster, "m3", seen);
    // Once, however much is below it.
    REQUIRE(conflicts.size() == (*row.who == '\0' ? 0 : 1));
    if (*row.who != '\0') {
      CHECK(conflicts[0].find(std::string("/dm can be changed by ") + row.who) == 0);
    }
  }
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
  const auto batch = RequestOf(RemovalOf(cluster, "m3", clean, "ssh-ed25519 AAAA dmgr"));
  REQUIRE(batch.requests_size() == 2);
  const auto& paths = batch.requests(0).remove_paths();
  const auto& leave = batch.requests(1).leave_cluster();
  CHECK(List(paths.units()) == Names{master.Unit()});
  CHECK(paths.user() == cluster.user);
  CHECK(leave.user() == cluster.user);
  CHECK(leave.public_key() == "ssh-ed25519 AAAA dmgr");
  CHECK(List(leave.store_dirs()) == Names{"/.dmgr/releases"});
  // The outermost ones; what is in them goes with them. /dm and /dm-data only when empty.
  const auto dirs = List(paths.dirs());
  CHECK(std::count(dirs.begin(), dirs.end(), master.deploy_dir) == 1);
  CHECK(std::count(dirs.begin(), dirs.end(), master.deploy_dir + "/bin") == 0);
  CHECK(std::count(dirs.begin(), dirs.end(), "/dm") == 0);
  const auto parents = List(leave.parents());
  CHECK(std::count(parents.begin(), parents.end(), "/dm") == 1);
  CHECK(std::count(parents.begin(), parents.end(), "/dm-data") == 1);
  for (std::size_t i = 0; i < parents.size(); ++i) {
    for (std::size_t k = i + 1; k < parents.size(); ++k) {
      CHECK_FALSE(topology::Contains(parents[i], parents[k]));
    }
  }
}

TEST_CASE("instances that leave a host leave the others' things there", "[layout]") {
  const Cluster cluster = SampleCluster();
  const HostBefore clean = MakeBefore(cluster, "m2", CleanHost(cluster, "m2"));
  const Instance& worker = *cluster.Of(Component::kDmWorker)[1];
  REQUIRE(worker.machine_id == "m2");
  const Cluster leaving = topology::Only(cluster, {worker.name});
  const auto batch = RequestOf(RemovalOf(cluster, leaving, "m2", clean, "key", SamplePackage()));
  REQUIRE(batch.requests_size() == 3);
  const auto& paths = batch.requests(0).remove_paths();
  CHECK(List(paths.units()) == Names{worker.Unit()});
  CHECK(paths.user() == cluster.user);
  const auto dirs = List(paths.dirs());
  CHECK(std::count(dirs.begin(), dirs.end(), worker.deploy_dir) == 1);
  CHECK(dirs.size() == 2);
  const auto& drop = batch.requests(1).drop_releases();
  CHECK(List(drop.hashes()) == Names{"hash-dm-worker"});
  CHECK(List(drop.store_dirs()) == Names{"/.dmgr/releases"});
  const auto parents = List(batch.requests(2).remove_paths().parents());
  CHECK(std::count(parents.begin(), parents.end(), "/dm") == 1);

  // The last ones take the cluster along.
  const auto last = RequestOf(RemovalOf(cluster, cluster, "m2", clean, "key", SamplePackage()));
  REQUIRE(last.requests_size() == 2);
  CHECK(last.requests(1).leave_cluster().public_key() == "key");
}

TEST_CASE("a destroy leaves what was there before", "[layout]") {
  const Cluster cluster = SampleCluster();
  const Instance& master = *cluster.OnMachine("m3").front();
  auto seen = CleanHost(cluster, "m3", {"/dm", "/dm-data", master.deploy_dir});
  const auto removal = RequestOf(RemovalOf(cluster, "m3", MakeBefore(cluster, "m3", seen), "key"));
  const auto dirs = List(removal.requests(0).remove_paths().dirs());
  CHECK(std::count(dirs.begin(), dirs.end(), master.deploy_dir) == 0);
  // What dmgr made in it goes, one by one.
  for (const char* name : {"/bin", "/scripts", "/conf"}) {
    CHECK(std::count(dirs.begin(), dirs.end(), master.deploy_dir + name) == 1);
  }
  const auto parents = List(removal.requests(1).leave_cluster().parents());
  CHECK(std::count(parents.begin(), parents.end(), "/dm") == 0);
  CHECK(std::count(parents.begin(), parents.end(), "/dm-data") == 0);
}

}  // namespace
}  // namespace dmgr::clusters

// What a host lacks for a cluster: room, accounts, ways to others.
#include <algorithm>

#include "server/clusters/conflicts.h"
#include "server/clusters/reach.h"
#include "server/clusters/room.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::clusters {
namespace {

constexpr std::uint64_t kOneMiB = 1U << 20;

hv1::FileSystem Disk(std::uint64_t device, std::uint64_t mebibytes, std::uint64_t inodes = 100000) {
  hv1::FileSystem disk;
  disk.set_device(device);
  disk.set_free_bytes(mebibytes * kOneMiB);
  disk.set_free_inodes(inodes);
  return disk;
}

// A host where nothing of the cluster is; its directories are on one file system, releases on
// another.
hv1::InspectReply HostWith(const Cluster& cluster, const std::string& machine,
                           const hv1::FileSystem& dirs, const hv1::FileSystem& store) {
  hv1::InspectReply seen;
  const auto asked = InspectionOf(cluster, machine);
  for (const auto& path : asked.paths()) {
    auto* state = seen.add_paths();
    state->set_path(path);
    state->set_type(hv1::PathState::TYPE_ABSENT);
    state->set_root_only_parent("/");
    *state->mutable_file_system() = dirs;
    *state->mutable_store_file_system() = store;
  }
  return seen;
}

v1::Package SizedPackage() {
  v1::Package package = SamplePackage();
  for (auto& component : *package.mutable_components()) {
    component.set_size_bytes(100 * kOneMiB);
    for (auto& file : *component.mutable_files()) file.set_size_bytes(90 * kOneMiB);
  }
  return package;
}

std::vector<std::string> RoomOn(const Cluster& cluster, const hv1::InspectReply& seen) {
  const v1::Package package = SizedPackage();
  return RoomConflicts(cluster, "m3", ReleasesFor(cluster, "m3", package, {}), seen);
}

TEST_CASE("room is counted for each file system", "[room]") {
  const Cluster cluster = SampleCluster();
  // One release of 100 MiB, and what is left free.
  CHECK(RoomOn(cluster, HostWith(cluster, "m3", Disk(1, 301), Disk(1, 301))).empty());
  auto problems = RoomOn(cluster, HostWith(cluster, "m3", Disk(1, 299), Disk(1, 299)));
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], Catch::Contains("has 299 MiB free, 300 MiB are needed"));
  // Copies of the programs go where the release cannot be linked.
  CHECK(RoomOn(cluster, HostWith(cluster, "m3", Disk(1, 291), Disk(2, 117))).empty());
  problems = RoomOn(cluster, HostWith(cluster, "m3", Disk(1, 289), Disk(2, 115)));
  REQUIRE(problems.size() == 2);
  CHECK_THAT(problems[0], Catch::StartsWith("/dm/dm-master-8261") && Catch::Contains("290 MiB"));
  CHECK_THAT(problems[1], Catch::StartsWith("/.dmgr has 115 MiB free, 116 MiB are needed") &&
                              Catch::Contains("nearest place above /dm/dm-master-8261"));
}

TEST_CASE("a release that is there already needs no room", "[room]") {
  const Cluster cluster = SampleCluster();
  auto seen = HostWith(cluster, "m3", Disk(1, 201), Disk(1, 201));
  CHECK(RoomOn(cluster, seen).size() == 1);
  for (auto& state : *seen.mutable_paths()) state.add_stored_releases("hash-dm-master");
  CHECK(RoomOn(cluster, seen).empty());
  const v1::Package package = SizedPackage();
  CHECK(ReleasesFor(cluster, "m3", package, package).empty());
}

TEST_CASE("inodes are counted where a file system has a number of them", "[room]") {
  const Cluster cluster = SampleCluster();
  auto disk = Disk(1, 10000, 16);
  const auto problems = RoomOn(cluster, HostWith(cluster, "m3", disk, disk));
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], Catch::Contains("has inodes for 16 more files"));
  disk.set_endless_inodes(true);
  CHECK(RoomOn(cluster, HostWith(cluster, "m3", disk, disk)).empty());
}

TEST_CASE("file systems on which nothing runs are said once", "[room]") {
  const Cluster cluster = SampleCluster();
  auto disk = Disk(1, 10000);
  disk.set_no_exec(true);
  auto conflicts = DeployConflicts(cluster, "m3", HostWith(cluster, "m3", disk, disk));
  REQUIRE(conflicts.size() == 1);
  CHECK_THAT(conflicts[0], Catch::Contains("/dm/dm-master-8261") && Catch::Contains("noexec"));
  // Where only releases are kept, nothing of this machine's is run.
  CHECK(DeployConflicts(cluster, "m3", HostWith(cluster, "m3", Disk(2, 10000), disk)).empty());
  disk.set_no_exec(false);
  disk.set_read_only(true);
  conflicts = StartConflicts(cluster.OnMachine("m3"), HostWith(cluster, "m3", disk, disk));
  REQUIRE(conflicts.size() == 1);
  CHECK_THAT(conflicts[0], Catch::Contains("read-only"));
}

TEST_CASE("a cluster and its host are with root, or both without", "[systemd_mode]") {
  Cluster cluster = SampleCluster();
  cluster.group.clear();
  auto seen = HostWith(cluster, "m3", Disk(1, 10000), Disk(1, 10000));
  for (auto& state : *seen.mutable_paths()) {
    state.set_type(hv1::PathState::TYPE_ABSENT);
    state.set_existing_parent("/home/tidb");
  }
  auto* home = seen.add_paths();
  home->set_path("/home/tidb");
  home->set_type(hv1::PathState::TYPE_DIRECTORY);
  home->set_owner(cluster.user);
  const auto conflicts = [&] { return DeployConflicts(cluster, "m3", seen); };
  CHECK(conflicts().empty());
  seen.set_user_exists(true);
  seen.mutable_user_instance()->set_user(cluster.user);
  seen.mutable_user_instance()->set_runs(true);
  seen.mutable_user_instance()->set_lingers(true);
  CHECK_THAT(fmt::format("{}", fmt::join(conflicts(), "\n")),
             Catch::Contains("managed without root"));

  // Of the login nobody need say that it may be used.
  cluster.user_mode = true;
  cluster.skip_create_user = true;
  CHECK(conflicts().empty());
  seen.mutable_user_instance()->set_lingers(false);
  REQUIRE(conflicts().size() == 1);
  CHECK_THAT(conflicts()[0], Catch::Contains("loginctl enable-linger " + cluster.user));
  seen.mutable_user_instance()->set_lingers(true);
  seen.mutable_user_instance()->set_runs(false);
  REQUIRE(conflicts().size() == 1);
  CHECK_THAT(conflicts()[0], Catch::Contains("does not run"));
  seen.mutable_user_instance()->set_runs(true);
  seen.mutable_paths(seen.paths_size() - 1)->set_owner("root");
  REQUIRE(conflicts().size() == 1);
  CHECK_THAT(conflicts()[0], Catch::Contains("/home/tidb belongs to root"));
  seen.clear_user_instance();
  CHECK_THAT(fmt::format("{}", fmt::join(conflicts(), "\n")), Catch::Contains("managed with root"));
}

TEST_CASE("users and groups that are not to be created must be there", "[account]") {
  Cluster cluster = SampleCluster();
  cluster.skip_create_user = true;
  hv1::InspectReply seen;
  CHECK(DeployConflicts(cluster, "m3", seen).size() == 2);
  seen.set_user_exists(true);
  const Names allowed = {"tidb"};
  REQUIRE(DeployConflicts(cluster, "m3", seen, allowed).size() == 1);
  CHECK_THAT(DeployConflicts(cluster, "m3", seen, allowed)[0], Catch::Contains("group tidb"));
  // The user's own.
  cluster.group.clear();
  CHECK(DeployConflicts(cluster, "m3", seen, allowed).empty());
  cluster.skip_create_user = false;
  seen.set_sudoers_exists(true);
  CHECK(DeployConflicts(cluster, "m3", seen, allowed).empty());
  seen.set_user_exists(false);
  CHECK(DeployConflicts(cluster, "m3", seen).size() == 1);
}

TEST_CASE("an account that dmgr did not make is refused unless an admin allowed it", "[account]") {
  Cluster cluster = SampleCluster();
  for (const char* user : {"root", "postgres", "alice"}) {
    INFO(user);
    cluster.user = user;
    cluster.group.clear();
    hv1::InspectReply seen;
    seen.set_user_exists(true);
    const auto conflicts = DeployConflicts(cluster, "m3", seen, {"tidb"});
    REQUIRE(conflicts.size() == 1);
    CHECK_THAT(conflicts[0], Catch::Contains(user) && Catch::Contains("not made by dmgr"));
    CHECK(DeployConflicts(cluster, "m3", seen, {user}).empty());
    seen.set_user_made(true);
    CHECK(DeployConflicts(cluster, "m3", seen).empty());
  }
  // Who is in another group, such as docker, has what its members have.
  cluster.group = "docker";
  hv1::InspectReply seen;
  seen.set_group_exists(true);
  CHECK(DeployConflicts(cluster, "m3", seen).size() == 1);
  CHECK(DeployConflicts(cluster, "m3", seen, {"docker"}).empty());
  seen.set_group_made(true);
  CHECK(DeployConflicts(cluster, "m3", seen).empty());
}

TEST_CASE("a link that the user can change is said in one line", "[account]") {
  const Cluster cluster = SampleCluster();
  auto seen = HostWith(cluster, "m3", Disk(1, 10000), Disk(1, 10000));
  for (auto& state : *seen.mutable_paths()) {
    if (!topology::Contains("/dm", state.path())) continue;
    state.set_type(state.path() == "/dm" ? hv1::PathState::TYPE_SYMLINK
                                         : hv1::PathState::TYPE_OTHER);
    if (state.path() == "/dm") state.set_owner("tidb");
    state.set_blocked_by("/dm");
    state.set_link_target("/data/deploy");
  }
  CHECK(DeployConflicts(cluster, "m3", seen) ==
        Names{"/dm is a link to /data/deploy that tidb can change: name the directory itself"});
}

TEST_CASE("NUMA nodes and addresses must be the host's", "[numa]") {
  Cluster cluster = SampleCluster();
  Instance& master = *std::find_if(cluster.instances.begin(), cluster.instances.end(),
                                   [](const Instance& one) { return one.machine_id == "m3"; });
  master.numa_node = "0,2-3";
  master.listen_host = "10.0.0.9";
  CHECK(InspectionOf(cluster, "m3").listen_addresses_size() == 1);
  CHECK(InspectionOf(cluster, "m2").listen_addresses_size() == 0);
  hv1::InspectReply seen;
  auto* numactl = seen.add_paths();
  numactl->set_path("/usr/bin/numactl");
  numactl->set_type(hv1::PathState::TYPE_FILE);
  seen.set_numa_nodes("0-3");
  CHECK(DeployConflicts(cluster, "m3", seen).empty());
  seen.set_numa_nodes("0-1,3");
  seen.add_foreign_addresses("10.0.0.9");
  const auto conflicts = DeployConflicts(cluster, "m3", seen);
  REQUIRE(conflicts.size() == 2);
  CHECK_THAT(conflicts[0], Catch::Equals("listen_host 10.0.0.9 is no address of this host"));
  CHECK_THAT(conflicts[1], Catch::Contains("numa_node 0,2-3, and the host has 0-1,3"));
}

std::vector<std::string> Targets(const hv1::ReachPorts& asked) {
  std::vector<std::string> targets;
  for (const auto& target : asked.targets()) {
    targets.push_back(target.host() + ":" + std::to_string(target.port()) +
                      (target.own() ? " own" : ""));
  }
  return targets;
}

TEST_CASE("a host tries what its instances connect to", "[reach]") {
  const Cluster cluster = SampleCluster();
  CHECK(Targets(PortsToReach(cluster, cluster.OnMachine("m3"), Reach::kAll)) ==
        Names{"10.0.0.1:8261", "10.0.0.1:8262", "10.0.0.1:8291", "10.0.0.2:8261", "10.0.0.2:8262",
              "10.0.0.2:8291", "10.0.0.3:8261 own"});
  // A dm-worker asks the dm-masters only.
  const Instance* worker = cluster.Of(Component::kDmWorker)[1];
  CHECK(Targets(PortsToReach(cluster, {worker}, Reach::kDm)) ==
        Names{"10.0.0.1:8261", "10.0.0.2:8262 own", "10.0.0.3:8261"});
  const Instance* prometheus = cluster.Of(Component::kPrometheus)[0];
  CHECK(Targets(PortsToReach(cluster, {prometheus}, Reach::kDm)).empty());
  CHECK(Targets(PortsToReach(cluster, {prometheus}, Reach::kAll)) ==
        Names{"10.0.0.1:9090 own", "10.0.0.2:8261", "10.0.0.2:8262", "10.0.0.3:8261"});
  Cluster spread = cluster;
  for (Instance& one : spread.instances) {
    if (one.component != Component::kNodeExporter) continue;
    one.machine_id = "m4";
    one.host = "10.0.0.4";
  }
  CHECK_THAT(Targets(PortsToReach(spread, spread.Of(Component::kPrometheus), Reach::kAll)),
             Catch::VectorContains(std::string("10.0.0.4:9100")));
}

TEST_CASE("what is not reached is one line for each pair of hosts", "[reach]") {
  const Cluster cluster = SampleCluster();
  const auto asked = PortsToReach(cluster, cluster.OnMachine("m3"), Reach::kAll);
  hv1::ReachPortsReply reply;
  const auto add = [&](const std::string& host, std::uint32_t port, hv1::PortProblem::Kind kind,
                       const std::string& text = "") {
    auto* problem = reply.add_problems();
    problem->mutable_target()->set_host(host);
    problem->mutable_target()->set_port(port);
    problem->set_kind(kind);
    problem->set_text(text);
  };
  add("10.0.0.1", 8291, hv1::PortProblem::KIND_NO_ANSWER);
  add("10.0.0.1", 8261, hv1::PortProblem::KIND_NO_ANSWER);
  add("10.0.0.2", 8262, hv1::PortProblem::KIND_NO_WAY, "No route to host");
  add("h9", 8262, hv1::PortProblem::KIND_NAME_UNKNOWN);
  add("h9", 8261, hv1::PortProblem::KIND_NAME_UNKNOWN);
  add("h8", 8261, hv1::PortProblem::KIND_LEADS_BACK);
  const auto unreached = UnreachedOf(cluster, asked, reply);
  std::vector<std::string> lines;
  for (const auto& one : unreached) lines.push_back(one.machine + ": " + one.text);
  CHECK(lines == Names{"m1: cannot reach 10.0.0.1:8261, 8291 (no answer in 3 s)",
                       "m2: cannot reach 10.0.0.2:8262 (No route to host)",
                       ": takes the name h8, of another host, for itself",
                       ": cannot resolve the name h9"});
}

}  // namespace
}  // namespace dmgr::clusters

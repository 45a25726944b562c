// What others use by now of what was left on a host.
#include "server/leftovers/in_use.h"

#include <catch2/catch.hpp>

namespace dmgr::leftovers {
namespace {

store::LeftoverRecord Left() {
  store::LeftoverRecord left;
  left.machine_id = "h3";
  left.cluster_name = "old";
  left.cluster_uuid = "uuid-old";
  for (const char* name : {"dm-master-8261", "dm-worker-8262"}) {
    auto* instance = left.removal.add_instances();
    instance->set_name(name);
    instance->set_unit(std::string(name) + ".service");
    left.removal.add_dirs(std::string("/dm/") + name);
  }
  left.removal.add_store_dirs("/.dmgr/releases");
  left.removal.set_user("tidb");
  left.removal.set_leaves(true);
  return left;
}

// A dm-worker of another cluster.
store::ClusterRecord Other(const std::string& machine, int port, const std::string& deploy_dir) {
  store::ClusterRecord record;
  record.cluster.name = "new";
  record.cluster.uuid = "uuid-new";
  auto& instance = record.cluster.instances.emplace_back();
  instance.name = "worker";
  instance.component = topology::Component::kDmWorker;
  instance.machine_id = machine;
  instance.port = port;
  instance.deploy_dir = deploy_dir;
  instance.data_dir = deploy_dir + "/data";
  instance.log_dir = deploy_dir + "/log";
  return record;
}

TEST_CASE("all that was left goes where nobody is") {
  const auto cleaning = CleaningOf(Left(), {Other("h9", 8262, "/dm/dm-worker-8262")}, {"h3"});
  CHECK(cleaning.kept.empty());
  CHECK(cleaning.removal.SerializeAsString() == Left().removal.SerializeAsString());
}

TEST_CASE("a unit and a directory that another cluster has by now stay, and are named") {
  // Known under another name, the same host.
  const auto cleaning =
      CleaningOf(Left(), {Other("h3:2222", 8262, "/dm/dm-worker-8262")}, {"h3", "h3:2222"});
  REQUIRE(cleaning.kept.size() == 2);
  CHECK_THAT(cleaning.kept[0],
             Catch::Contains("dm-worker-8262.service") && Catch::Contains("worker of cluster new"));
  CHECK_THAT(cleaning.kept[1], Catch::Contains("/dm/dm-worker-8262"));
  REQUIRE(cleaning.removal.instances_size() == 1);
  CHECK(cleaning.removal.instances(0).name() == "dm-master-8261");
  REQUIRE(cleaning.removal.dirs_size() == 1);
  CHECK(cleaning.removal.leaves());
}

TEST_CASE("a directory stays that has another cluster's inside, or is inside of it") {
  for (const char* dir : {"/dm/dm-worker-8262/inner", "/dm"}) {
    INFO(dir);
    const auto cleaning = CleaningOf(Left(), {Other("h3", 9999, dir)}, {"h3"});
    CHECK_FALSE(cleaning.kept.empty());
  }
}

TEST_CASE("a cluster that is on the host again keeps its account and its releases there") {
  auto again = Other("h3", 9262, "/dm/other");
  again.cluster.uuid = "uuid-old";
  const auto cleaning = CleaningOf(Left(), {again}, {"h3"});
  CHECK_FALSE(cleaning.removal.leaves());
  CHECK(cleaning.removal.store_dirs().empty());
  CHECK(cleaning.removal.dirs_size() == 2);
  REQUIRE(cleaning.kept.size() == 1);
  CHECK_THAT(cleaning.kept[0], Catch::Contains("user tidb"));
}

}  // namespace
}  // namespace dmgr::leftovers

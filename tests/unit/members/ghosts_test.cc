// Members of DM that the record does not have.
#include "server/members/ghosts.h"

#include <catch2/catch.hpp>

namespace dmgr::members {
namespace {

using topology::Component;

topology::Cluster ClusterOf(const std::vector<std::string>& masters,
                            const std::vector<std::string>& workers) {
  topology::Cluster cluster;
  for (const auto& name : masters) cluster.instances.emplace_back().name = name;
  for (const auto& name : workers) {
    cluster.instances.emplace_back().name = name;
    cluster.instances.back().component = Component::kDmWorker;
  }
  return cluster;
}

dm::Master MasterOf(const std::string& name, bool alive) {
  dm::Master master;
  master.name = name;
  master.alive = alive;
  master.peer_urls = {"http://" + name + ":8291"};
  if (!name.empty()) master.client_urls = {"http://" + name + ":8261"};
  return master;
}

TEST_CASE("who is in DM and not in the record is a ghost, with or without a name") {
  dm::Members members;
  members.masters = {MasterOf("m1", true), MasterOf("m9", false), MasterOf("", false)};
  members.workers = {{"w1", "h1:8262", "bound", "s1"}, {"w9", "h9:8262", "free", ""}};
  const auto ghosts = GhostsOf(ClusterOf({"m1"}, {"w1"}), members);
  REQUIRE(ghosts.size() == 3);
  CHECK(ghosts[0].Words() == "dm-master m9 (m9:8261, not alive)");
  CHECK_FALSE(ghosts[0].Runs());
  CHECK(ghosts[1].Words() == "dm-master without a name (:8291, not alive)");
  CHECK(ghosts[2].component == Component::kDmWorker);
  CHECK(ghosts[2].address == "h9:8262");
  CHECK(ghosts[2].Runs());
  CHECK(GhostsOf(ClusterOf({"m1", "m9", ""}, {"w1", "w9"}), members).empty());
}

TEST_CASE("ghosts leave only where those that stay are a majority") {
  const bool second = GENERATE(true, false);
  dm::Members members;
  // With the ghost three; both others must agree.
  members.masters = {MasterOf("m1", true), MasterOf("m2", second), MasterOf("m9", false)};
  const auto ghosts = GhostsOf(ClusterOf({"m1", "m2"}, {}), members);
  REQUIRE(ghosts.size() == 1);
  CHECK(GhostQuorumProblem(ghosts, members).empty() == second);
}

}  // namespace
}  // namespace dmgr::members

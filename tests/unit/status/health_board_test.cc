// How clusters are, for those who list many.
#include "server/status/health_board.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"

namespace dmgr::status {
namespace {

topology::Cluster ClusterNamed(const std::string& name) {
  topology::Cluster cluster;
  cluster.name = name;
  cluster.uuid = "uuid-of-" + name;
  return cluster;
}

TEST_CASE("what was seen lately is told, and nobody looks anew", "[health]") {
  std::atomic<int> looks = 0;
  HealthBoard board(
      [&](const topology::Cluster&, const dm::Cancelled&) {
        ++looks;
        return MemberCount{.all = 6, .working = 5};
      },
      {.fresh = absl::Hours(1), .usable = absl::Hours(1), .patience = absl::Minutes(1)});
  const std::vector<topology::Cluster> clusters = {ClusterNamed("a"), ClusterNamed("b")};
  const auto first = board.Ask(clusters);
  REQUIRE(first.size() == 2);
  CHECK(first.at("uuid-of-b").members.all == 6);
  CHECK(first.at("uuid-of-b").members.working == 5);
  CHECK(board.Ask(clusters).size() == 2);
  CHECK(board.Ask({}).empty());
  CHECK(looks == 2);
}

TEST_CASE("a cluster that does not answer keeps no list waiting", "[health]") {
  std::atomic<bool> let = false;
  std::atomic<int> looks = 0;
  HealthBoard board(
      [&](const topology::Cluster& cluster, const dm::Cancelled& cancelled) {
        if (cluster.name == "dead") {
          ++looks;
          testing::Eventually([&] { return let.load() || cancelled(); }, std::chrono::seconds(600));
        }
        return MemberCount{.all = 1, .working = 1};
      },
      {.fresh = absl::Hours(1), .usable = absl::Hours(1), .patience = absl::Milliseconds(300)});
  // The other one may take longer than patience lasts, on a slow machine.
  CHECK(testing::Eventually([&] {
    return board.Ask({ClusterNamed("dead"), ClusterNamed("alive")}).size() == 1;
  }));
  // However many ask, one looks.
  CHECK(board.Ask({ClusterNamed("dead")}).empty());
  CHECK(looks == 1);
  let = true;
  CHECK(testing::Eventually([&] { return board.Ask({ClusterNamed("dead")}).size() == 1; }));
  CHECK(looks == 1);
}

TEST_CASE("what is not fresh is told while somebody looks anew", "[health]") {
  std::atomic<int> looks = 0;
  std::atomic<bool> is_held = false;
  HealthBoard board(
      [&](const topology::Cluster&, const dm::Cancelled& cancelled) {
        const int number = ++looks;
        testing::Eventually([&] { return !is_held || cancelled(); }, std::chrono::seconds(600));
        return MemberCount{.all = number, .working = number};
      },
      {.fresh = absl::ZeroDuration(), .usable = absl::Hours(1), .patience = absl::Minutes(1)});
  const std::vector<topology::Cluster> clusters = {ClusterNamed("a")};
  CHECK(board.Ask(clusters).at("uuid-of-a").members.all == 1);
  is_held = true;
  CHECK(board.Ask(clusters).at("uuid-of-a").members.all == 1);
  CHECK(testing::Eventually([&] { return looks == 2; }));
  is_held = false;
  CHECK(testing::Eventually([&] { return board.Ask(clusters).at("uuid-of-a").members.all >= 2; }));
}

TEST_CASE("a look that throws is no end, and a board ends the looks that are under way",
          "[health]") {
  std::atomic<int> looks = 0;
  HealthBoard board(
      [&](const topology::Cluster& cluster, const dm::Cancelled& cancelled) {
        if (cluster.name == "endless") {
          ++looks;
          testing::Eventually(cancelled, std::chrono::seconds(600));
        } else if (++looks == 1) {
          throw std::runtime_error("no memory");
        }
        return MemberCount{.all = 1, .working = 1};
      },
      {.fresh = absl::Hours(1), .usable = absl::Hours(1), .patience = absl::Milliseconds(50)});
  CHECK(testing::Eventually([&] { return board.Ask({ClusterNamed("a")}).size() == 1; }));
  CHECK(looks == 2);
  CHECK(board.Ask({ClusterNamed("endless")}).empty());
  CHECK(testing::Eventually([&] { return looks == 3; }));
}

}  // namespace
}  // namespace dmgr::status

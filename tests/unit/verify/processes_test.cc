// DM's members and Prometheus' targets against the record.
#include <catch2/catch.hpp>

#include "server/verify/members.h"
#include "server/verify/targets.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::verify {
namespace {

using topology::Cluster;
using topology::Component;

Cluster Running() {
  Cluster cluster = clusters::SampleCluster();
  for (auto& instance : cluster.instances) instance.wanted_running = true;
  return cluster;
}

// As the record says.
dm::Members AllMembers(const Cluster& cluster) {
  dm::Members members;
  for (const auto& instance : cluster.instances) {
    if (instance.component == Component::kDmMaster) {
      if (members.leader_name.empty()) members.leader_name = instance.name;
      members.masters.push_back({.name = instance.name,
                                 .member_id = "1",
                                 .alive = true,
                                 .peer_urls = {"http://" + instance.host + ":8291"},
                                 .client_urls = {"http://" + instance.NodeId()}});
    } else if (instance.component == Component::kDmWorker) {
      members.workers.push_back({instance.name, instance.NodeId(), "free", ""});
    }
  }
  return members;
}

std::vector<v1::Difference> MemberDifferences(const Cluster& cluster,
                                              const absl::StatusOr<dm::Members>& members) {
  Findings findings("dm-test");
  CompareMembers(cluster, members, &findings);
  return findings.differences();
}

v1::DifferenceKind OnlyKind(const std::vector<v1::Difference>& differences) {
  REQUIRE(differences.size() == 1);
  return differences[0].kind();
}

TEST_CASE("members that are as recorded are no difference", "[verify]") {
  const Cluster cluster = Running();
  CHECK(MemberDifferences(cluster, AllMembers(cluster)).empty());
  // Nobody is asked of a stopped cluster.
  CHECK(MemberDifferences(clusters::SampleCluster(), absl::UnavailableError("down")).empty());
}

TEST_CASE("a member that is missing, strange, elsewhere or down is named", "[verify]") {
  const Cluster cluster = Running();
  const dm::Members good = AllMembers(cluster);

  dm::Members members = good;
  members.workers.pop_back();
  CHECK(OnlyKind(MemberDifferences(cluster, members)) == v1::DIFFERENCE_KIND_MEMBER_MISSING);

  members = good;
  members.masters.push_back(
      {.name = "", .member_id = "9", .alive = false, .peer_urls = {}, .client_urls = {}});
  CHECK(OnlyKind(MemberDifferences(cluster, members)) == v1::DIFFERENCE_KIND_MEMBER_STRANGER);
  members = good;
  members.workers.push_back({"ghost", "10.0.0.9:8262", "free", ""});
  const auto ghost = MemberDifferences(cluster, members);
  CHECK(OnlyKind(ghost) == v1::DIFFERENCE_KIND_MEMBER_STRANGER);
  CHECK_THAT(ghost[0].text(), Catch::Contains("dm-worker ghost at 10.0.0.9:8262"));
  REQUIRE(ghost[0].next_actions_size() == 1);
  CHECK(ghost[0].next_actions(0).action() == v1::ACTION_PRUNE_CLUSTER);

  members = good;
  members.workers[0].addr = "10.0.0.9:8262";
  CHECK(OnlyKind(MemberDifferences(cluster, members)) == v1::DIFFERENCE_KIND_MEMBER_ADDRESS);
  members = good;
  members.masters[1].peer_urls = {"http://10.0.0.9:8291"};
  CHECK(OnlyKind(MemberDifferences(cluster, members)) == v1::DIFFERENCE_KIND_MEMBER_ADDRESS);

  members = good;
  members.masters[1].alive = false;
  CHECK(OnlyKind(MemberDifferences(cluster, members)) == v1::DIFFERENCE_KIND_MEMBER_DOWN);
  members = good;
  members.workers[0].stage = "offline";
  CHECK(OnlyKind(MemberDifferences(cluster, members)) == v1::DIFFERENCE_KIND_MEMBER_DOWN);
  // One that is stopped by the record is offline as it should be.
  Cluster partly = cluster;
  for (auto& instance : partly.instances) {
    if (instance.name == members.workers[0].name) instance.wanted_running = false;
  }
  CHECK(MemberDifferences(partly, members).empty());

  CHECK(OnlyKind(MemberDifferences(cluster, absl::UnavailableError("no majority"))) ==
        v1::DIFFERENCE_KIND_MEMBERS_UNKNOWN);
}

struct Scraped {
  Cluster cluster = Running();
  std::string config;
  std::vector<std::pair<std::string, std::string>> targets;  // Address, health.

  Scraped() {
    for (const auto& instance : cluster.instances) {
      config += "- targets: [\"" + instance.NodeId() + "\", ]\n";
      targets.emplace_back(instance.NodeId(), "up");
    }
  }
  std::vector<v1::Difference> Differences() const {
    std::string page = R"({"status":"success","data":{"activeTargets":[)";
    for (const auto& [address, health] : targets) {
      page += (&address == &targets.front().first ? "" : ",") +
              std::string(R"({"discoveredLabels":{"__address__":")") + address +
              R"("},"health":")" + health + R"(","lastError":"refused"})";
    }
    return Compare(page + "]}}");
  }
  std::vector<v1::Difference> Compare(const absl::StatusOr<std::string>& page) const {
    Findings findings("dm-test");
    CompareTargets(cluster, *cluster.Of(Component::kPrometheus).front(), page, config, &findings);
    return findings.differences();
  }
};

TEST_CASE("targets that are missing, strange or down are named", "[verify]") {
  Scraped scraped;
  CHECK(scraped.Differences().empty());
  auto targets = scraped.targets;
  scraped.targets.pop_back();
  CHECK(OnlyKind(scraped.Differences()) == v1::DIFFERENCE_KIND_TARGET_MISSING);
  scraped.targets = targets;
  scraped.targets.emplace_back("10.0.0.9:9100", "up");
  CHECK(OnlyKind(scraped.Differences()) == v1::DIFFERENCE_KIND_TARGET_STRANGER);
  // One that a changed template names is wanted.
  scraped.config += "\"10.0.0.9:9100\"";
  CHECK(scraped.Differences().empty());
  scraped.targets = targets;
  scraped.targets[0].second = "down";
  CHECK(OnlyKind(scraped.Differences()) == v1::DIFFERENCE_KIND_TARGET_DOWN);
  scraped.targets[0].second = "unknown";
  CHECK(scraped.Differences().empty());
}

TEST_CASE("whatever Prometheus answers is an answer or none", "[verify]") {
  const Scraped scraped;
  for (const char* page : {"", "[]", "{}", "null", R"({"data": 1})", R"({"data": {}})",
                           R"({"data": {"activeTargets": {}}})"}) {
    INFO(page);
    CHECK(OnlyKind(scraped.Compare(std::string(page))) == v1::DIFFERENCE_KIND_TARGETS_UNKNOWN);
  }
  CHECK(OnlyKind(scraped.Compare(absl::UnavailableError("refused"))) ==
        v1::DIFFERENCE_KIND_TARGETS_UNKNOWN);
  // Odd entries are none.
  CHECK(scraped
            .Compare(std::string(
                R"({"data": {"activeTargets": [1, {}, {"discoveredLabels": 2},
                    {"discoveredLabels": {"__address__": 3}}]}})"))
            .size() == scraped.targets.size());
}

}  // namespace
}  // namespace dmgr::verify

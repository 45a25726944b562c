// A host that has another address, and the cluster that follows it.
#include <fmt/format.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

constexpr char kMoving[] = "h3";
constexpr int kFirstNumber = 13;
constexpr int kOtherNumber = 113;

// Gives h3 its first address back, and the record of it.
class OtherAddress {
 public:
  explicit OtherAddress(Site& site) : site_(site) {
    site_.lab().Readdress(kMoving, kOtherNumber);
    address_ = site_.lab().Address(kMoving);
  }
  ~OtherAddress() {
    try {
      GoBack();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
  OtherAddress(const OtherAddress&) = delete;
  OtherAddress& operator=(const OtherAddress&) = delete;
  const std::string& address() const { return address_; }
  Result GoBack() {
    if (over_) return {};
    over_ = true;
    site_.lab().Readdress(kMoving, kFirstNumber);
    const std::string first = site_.Address(kMoving);
    return site_.Ctl({"machine", "update", first, "--address", first});
  }

 private:
  Site& site_;
  std::string address_;
  bool over_ = false;
};

// Names of the instances that the status has at an address.
std::set<std::string> NamesAt(Site& site, const std::string& address) {
  std::set<std::string> names;
  const json status = site.Status();
  for (const auto& instance : status["instances"]) {
    if (instance["host"] == address) names.insert(instance["name"]);
  }
  return names;
}

// DM needs a while to have another leader, when it was the one whose address went.
void Follow(Site& site) {
  const std::string machine = site.Address(kMoving);
  const std::vector<std::string> plan = {"machine",   "readdress", machine,
                                         "--cluster", kDemo,       "--dry-run"};
  REQUIRE(Eventually([&] { return site.Ctl(plan).exit_code == 0; }, std::chrono::seconds(100)));
  site.MustCtl({"machine", "readdress", machine, "--cluster", kDemo, "--yes"});
}

std::string Members(Site& site) {
  return HttpBody(fmt::format("http://{}:8261/apis/v1alpha1/members", site.Address("h1")));
}

TEST_CASE("a cluster follows a host that has another address, and back", "[lab][readdress]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const std::string machine = site.Address(kMoving);
  const auto names = NamesAt(site, machine);
  REQUIRE(names.size() == 3);
  OtherAddress other(site);
  const std::string now = other.address();

  // Another host is none, whatever its address.
  const Result stranger = site.Ctl({"machine", "update", machine, "--address", site.Address("h2")});
  CHECK(stranger.exit_code != 0);
  INFO(stranger.err);
  CHECK(site.Json({"machine", "show", machine})["machine"]["host"] == machine);

  const Result updated = site.MustCtl({"machine", "update", machine, "--address", now});
  CHECK_THAT(updated.err, Catch::Contains(fmt::format("dmgrctl machine readdress {} --cluster {}",
                                                      machine, kDemo)));
  // The others still look for it where it was.
  CHECK(NamesAt(site, machine) == names);
  Follow(site);
  CHECK(site.IsHealthy());
  CHECK(NamesAt(site, now) == names);
  CHECK(NamesAt(site, machine).empty());
  CHECK_THAT(Members(site), Catch::Contains(now + ":8291") && Catch::Contains(now + ":8262") &&
                                !Catch::Contains(machine + ":"));
  // Some Prometheus keep the targets from before until they are told once more: verify says so, and
  // what it names then helps.
  const auto verified = [&] { return site.Ctl({"cluster", "verify", kDemo}).exit_code == 0; };
  if (!Eventually(verified, std::chrono::seconds(60))) {
    site.MustCtl({"cluster", "repair", kDemo, "--yes"});
    CHECK(Eventually(verified, std::chrono::seconds(60)));
  }
  // All of it holds for a start from nothing, and for another configuration.
  site.MustCtl({"cluster", "restart", kDemo, "--yes"});
  CHECK(site.IsHealthy());
  site.MustCtl({"cluster", "reload", kDemo, "--yes"});
  const Result again = site.Ctl({"machine", "readdress", machine, "--cluster", kDemo, "--yes"});
  CHECK(again.exit_code == 2);
  CHECK_THAT(again.err, Catch::Contains("is there already"));

  CHECK(other.GoBack().exit_code == 0);
  Follow(site);
  CHECK(site.IsHealthy());
  CHECK(NamesAt(site, machine) == names);
  CHECK_THAT(Members(site), !Catch::Contains(now + ":"));
  site.EnsureNoCluster();
}

}  // namespace
}  // namespace dmgr::testing

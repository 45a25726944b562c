// An instance's files against those on its host.

#include "server/operations/steps/host_files.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/unit/topology/fixture.h"

namespace dmgr::operations {
namespace {

using topology::Cluster;
using topology::Component;

constexpr char kUnitPath[] = "/etc/systemd/system/prometheus-9090.service";

// A host with these files, and its unit's state.
class FakeHost {
 public:
  void Put(const std::string& path, const std::string& content, unsigned mode = 0644) {
    auto* file = files_.add_files();
    file->set_path(path);
    file->set_content(content);
    file->set_mode(mode);
  }
  CallHost Call() const {
    return [this](const hv1::ToHost& request) -> absl::StatusOr<hv1::FromHost> {
      hv1::FromHost reply;
      for (const auto& part : request.batch().requests()) {
        auto* answer = reply.mutable_batch()->add_replies();
        if (part.has_query_units()) {
          auto* unit = answer->mutable_unit_states()->add_units();
          unit->set_unit(part.query_units().units(0));
          unit->set_enabled(false);
        }
        for (const auto& path : part.read_files().paths()) {
          for (const auto& file : files_.files()) {
            if (file.path() == path) *answer->mutable_read_files()->add_files() = file;
          }
        }
      }
      return reply;
    };
  }

 private:
  hv1::ReadFilesReply files_;
};

struct Sample {
  Cluster cluster = topology::Good(topology::Input(R"(
      master_servers { placement { host: "10.0.0.1" } }
      monitoring_servers { placement { host: "10.0.0.1" deploy_dir: "/dm/prometheus" } } )"));
  WantedFiles wanted;

  Sample() {
    wanted.instance = cluster.Of(Component::kPrometheus)[0];
    wanted.rendered.files = {{"/dm/prometheus/conf/prometheus.yml", 0644, "new", false},
                             {"/dm/prometheus/conf/mine.rules.yml", 0644, "mine", false},
                             {"/dm/prometheus/scripts/run_prometheus.sh", 0755, "run", false}};
    wanted.rendered.unit_name = wanted.instance->Unit();
    wanted.rendered.unit_content = "unit";
    wanted.stale = {"/dm/prometheus/conf/old.rules.yml"};
  }
  Difference Look(const FakeHost& host) const {
    auto difference = DifferenceOf(cluster, wanted, host.Call());
    REQUIRE(difference.ok());
    return *std::move(difference);
  }
};

// A host on which all is as wanted.
FakeHost Equal() {
  FakeHost host;
  host.Put("/dm/prometheus/conf/prometheus.yml", "new");
  host.Put("/dm/prometheus/conf/mine.rules.yml", "mine");
  host.Put("/dm/prometheus/scripts/run_prometheus.sh", "run", 0755);
  host.Put(kUnitPath, "unit");
  return host;
}

TEST_CASE("equal files are no difference", "[reload]") {
  const auto difference = Sample().Look(Equal());
  CHECK(difference.paths.empty());
  CHECK(difference.restore.requests().empty());
}

TEST_CASE("what was there comes back: old contents, files that are gone, none that are new",
          "[reload]") {
  FakeHost host;
  host.Put("/dm/prometheus/conf/prometheus.yml", "old", 0600);
  host.Put("/dm/prometheus/conf/old.rules.yml", "rules");
  host.Put("/dm/prometheus/scripts/run_prometheus.sh", "run", 0755);
  host.Put(kUnitPath, "unit");
  const Sample sample;
  const auto difference = sample.Look(host);
  CHECK(difference.paths.size() == 3);
  CHECK(difference.is_reloadable);
  REQUIRE(difference.restore.requests_size() == 2);
  const auto& files = difference.restore.requests(0).write_files().files();
  REQUIRE(files.size() == 2);
  CHECK(files[0].content() == "old");
  CHECK(files[0].mode() == 0600);
  CHECK(files[0].owner() == sample.cluster.user);
  CHECK(files[1].path() == "/dm/prometheus/conf/old.rules.yml");
  const auto& removal = difference.restore.requests(1).remove_paths();
  REQUIRE(removal.files_size() == 1);
  CHECK(removal.files(0) == "/dm/prometheus/conf/mine.rules.yml");
}

TEST_CASE("another script, mode or unit needs a restart", "[reload]") {
  const Sample sample;
  FakeHost script;
  script.Put("/dm/prometheus/conf/prometheus.yml", "new");
  script.Put("/dm/prometheus/conf/mine.rules.yml", "mine");
  script.Put("/dm/prometheus/scripts/run_prometheus.sh", "run", 0644);
  script.Put(kUnitPath, "unit");
  CHECK(sample.Look(script).paths ==
        std::vector<std::string>{"/dm/prometheus/scripts/run_prometheus.sh"});
  CHECK_FALSE(sample.Look(script).is_reloadable);

  FakeHost unit;
  unit.Put("/dm/prometheus/conf/prometheus.yml", "new");
  unit.Put("/dm/prometheus/conf/mine.rules.yml", "mine");
  unit.Put("/dm/prometheus/scripts/run_prometheus.sh", "run", 0755);
  unit.Put(kUnitPath, "old unit");
  const auto difference = sample.Look(unit);
  CHECK(difference.paths == std::vector<std::string>{kUnitPath});
  CHECK_FALSE(difference.is_reloadable);
  REQUIRE(difference.restore.requests_size() == 1);
  const auto& old = difference.restore.requests(0).install_units().units(0);
  CHECK(old.content() == "old unit");
  CHECK_FALSE(old.enabled());
}

}  // namespace
}  // namespace dmgr::operations

// A cluster that gets another name.
#include "server/operations/rename/rename.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <string>

#include "common/error.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/reload/reload.h"
#include "server/operations/service/service.h"
#include "server/store/cluster_store.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

const Caller kCarol{"carol"};
constexpr char kOld[] = "dm-test";
constexpr char kNew[] = "orders";

template <typename Request>
Request Of(const std::string& cluster) {
  Request request;
  request.set_cluster_name(cluster);
  return request;
}

// A cluster that is deployed.
class Renamed {
 public:
  Renamed() {
    auto deploy = Of<v1::DeployClusterRequest>(kOld);
    deploy.set_version("v7.5.1");
    *deploy.mutable_topology() = SampleTopology();
    Do(operations::DeployCluster, deploy);
  }
  template <typename Request>
  void Do(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
          const Request& request) {
    Perform(&stage, [&] { return call(stage.resources(), request, kCarol); });
  }
  absl::Status Rename(const std::string& name, bool validate_only = false) {
    auto request = Of<v1::RenameClusterRequest>(kOld);
    request.set_new_cluster_name(name);
    return operations::RenameCluster(
        stage.resources(), request,
        [&](store::Transaction&, const auto&) {
          return validate_only ? absl::AbortedError("only validated") : absl::OkStatus();
        },
        &response);
  }
  std::string Dir(const std::string& name) const {
    return ClusterDir(stage.resources().cluster_path, name);
  }
  std::string Read(const std::string& path) const { return stage.host("m1").root().Read(path); }

  Stage stage;
  v1::RenameClusterResponse response;
};

TEST_CASE("a renamed cluster has its folder, and its monitoring the name by a reload",
          "[runners]") {
  Renamed play;
  const std::string prometheus = "opt/dm/deploy/prometheus-19090/conf/prometheus.yml";
  REQUIRE_THAT(play.Read(prometheus), Catch::Contains(kOld));
  const Scene before = play.stage.Look();
  CHECK(absl::IsAborted(play.Rename(kNew, /*validate_only=*/true)));
  CHECK(Difference(before, play.stage.Look()) == "");

  REQUIRE_OK(play.Rename(kNew));
  CHECK(play.response.cluster().name() == kNew);
  const auto& changed = play.response.changed_instances();
  CHECK(std::set<std::string>(changed.begin(), changed.end()) ==
        std::set<std::string>{"grafana-10.0.0.1-13000", "prometheus-10.0.0.1-19090"});
  CHECK(fs::exists(play.Dir(kNew) + "/v7.5.1"));
  CHECK_FALSE(fs::exists(play.Dir(kOld)));
  CHECK(play.stage.Look().hosts.at("m1") == before.hosts.at("m1"));

  play.Do(operations::ReloadCluster, Of<v1::ReloadClusterRequest>(kNew));
  CHECK_THAT(play.Read(prometheus), Catch::Contains(kNew) && !Catch::Contains(kOld));
  const auto record = store::Get(
      play.stage.database(), [](store::Transaction& tx) { return store::GetCluster(tx, kNew); });
  CHECK(record.needs_reload.empty());
  CHECK(record.cluster.former_names == std::vector<std::string>{kOld});
  play.Do(operations::DestroyCluster, Of<v1::DestroyClusterRequest>(kNew));
  CHECK_FALSE(fs::exists(play.Dir(kNew)));
}

TEST_CASE("a rename that was killed before the folder had the name is done by who comes next",
          "[runners]") {
  Renamed play;
  REQUIRE_OK(play.stage.database().Transact([](store::Transaction& tx) {
    topology::Cluster renamed;
    renamed.name = kNew;
    renamed.former_names = {kOld};
    return store::RenameCluster(tx, kOld, renamed);
  }));
  REQUIRE(fs::exists(play.Dir(kOld)));
  play.Do(operations::StartCluster, Of<v1::StartClusterRequest>(kNew));
  CHECK(fs::exists(play.Dir(kNew) + "/v7.5.1"));
  CHECK_FALSE(fs::exists(play.Dir(kOld)));
}

TEST_CASE("a cluster is not renamed to what is no name, is taken, or while it is held",
          "[runners]") {
  Renamed play;
  const std::string before = play.stage.LookAtRecord();
  CHECK(absl::IsInvalidArgument(play.Rename("a/b")));
  CHECK(Reason(play.Rename(kOld)) == "CLUSTER_EXISTS");
  fs::create_directories(play.Dir(kNew) + "/mine");
  CHECK(Reason(play.Rename(kNew)) == "CLUSTER_DIR_IN_USE");
  fs::remove_all(play.Dir(kNew));
  REQUIRE_OK(
      operations::StartCluster(play.stage.resources(), Of<v1::StartClusterRequest>(kOld), kCarol)
          .status());
  CHECK(Reason(play.Rename(kNew)) == "CLUSTER_BUSY");
  CHECK(play.stage.LookAtRecord() == before);
}

}  // namespace
}  // namespace dmgr::test

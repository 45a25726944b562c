// A running cluster begins to speak TLS, and ceases to.
#include "server/operations/switch_tls/switch_tls.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>

#include "common/error.h"
#include "server/clusters/copies.h"
#include "server/clusters/record.h"
#include "server/store/copy_store.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/shop.h"

namespace dmgr::test {
namespace {

constexpr char kTlsOfMaster[] = "opt/dm/deploy/dm-master-18261/tls";
constexpr char kScriptOfMaster[] = "opt/dm/deploy/dm-master-18261/scripts/run_dm-master.sh";
constexpr char kPrometheusYaml[] = "opt/dm/deploy/prometheus-19090/conf/prometheus.yml";

// With a task, and a copy that the operation's own equals.
struct Switching : Tasks {
  Switching() {
    Perform(&stage, CreatingTask(TaskYaml()));
    const auto now = Record();
    REQUIRE_OK(clusters::TakeCopy(stage.resources(), now.cluster,
                                  {.deadline = absl::InfiniteFuture(), .cancelled = {}})
                   .status());
  }

  store::ClusterRecord Record() {
    auto record = clusters::FindCluster(stage.resources(), kMigrating);
    REQUIRE_OK(record.status());
    return *std::move(record);
  }
  Ask Enabling() { return By(operations::EnableClusterTls, v1::EnableClusterTlsRequest()); }
  Ask Disabling() { return By(operations::DisableClusterTls, v1::DisableClusterTlsRequest()); }
  std::string OnHost(const char* path) { return stage.host("m1").root().Read(path); }

  void CheckSpeaksTls(bool on) {
    const auto record = Record();
    CHECK((record.cluster.tls != nullptr) == on);
    CHECK(record.topology.global().enable_tls() == on);
    for (const char* machine : {"m1", "m2", "m3"}) {
      CHECK(stage.host(machine).root().Exists(std::string(kTlsOfMaster) + "/dm-master.pem") == on);
    }
    CHECK((OnHost(kScriptOfMaster).find("https://") != std::string::npos) == on);
    CHECK((OnHost(kPrometheusYaml).find("tls_config") != std::string::npos) == on);
    CHECK(Shop().stage() == v1::TASK_STAGE_RUNNING);
    CHECK_THAT(dm().State(), Catch::Contains("source s1"));
  }
};

TEST_CASE("a running cluster begins to speak TLS with its tasks, and ceases to", "[runners][tls]") {
  Switching play;
  const auto running = play.stage.host("m1").Running();
  play.CheckSpeaksTls(false);
  play.Rehearse(play.Enabling());
  play.CheckSpeaksTls(true);
  CHECK(play.stage.host("m1").Running() == running);
  CHECK(Reason(play.Enabling()().status()) == "TLS_ENABLED");

  play.Rehearse(play.Disabling());
  play.CheckSpeaksTls(false);
  CHECK(play.stage.host("m1").Running() == running);
  CHECK_FALSE(play.stage.host("m1").root().Exists(kTlsOfMaster));
  CHECK(Reason(play.Disabling()().status()) == "TLS_NOT_ENABLED");
  for (const auto& name : RunnersOfSwitchTls()) CHECK(play.cast.contains(name));
}

TEST_CASE("what is taken along is the copy of the switch itself", "[runners][tls]") {
  Switching play;
  // Somebody else's, and newer by its number.
  REQUIRE_OK(play.stage.database().Transact([&](store::Transaction& tx) {
    constexpr std::int64_t kLater = 1000;
    return store::InsertCopy(tx, {.copy_id = kLater,
                                  .cluster_uuid = play.Record().cluster.uuid,
                                  .content_hash = "other",
                                  .etcd_cluster_id = "0",
                                  .sealed_copy = "other"});
  }));
  Perform(&play.stage, play.Enabling());
  play.CheckSpeaksTls(true);
}

TEST_CASE("a folder that somebody has where certificates are to be stays as it is",
          "[runners][tls]") {
  Switching play;
  const std::string mine = std::string(kTlsOfMaster) + "/mine.pem";
  const auto& host = play.stage.host("m2");
  SECTION("before the call") {
    host.root().Write(mine, "mine");
    const Scene before = play.stage.Look();
    const absl::Status refused = play.Enabling()().status();
    CHECK(Reason(refused) == "HOST_CONFLICT");
    CHECK_THAT(std::string(Message(refused)),
               Catch::Contains("machine m2: /" + std::string(kTlsOfMaster) + " is there already"));
    CHECK(Difference(before, play.stage.Look()) == "");
  }
  SECTION("after it") {
    const auto running = host.Running();
    const Ask late = [&]() -> absl::StatusOr<v1::Operation> {
      auto operation = play.Enabling()();
      host.root().Write(mine, "mine");
      return operation;
    };
    const absl::Status refused = PerformToFailure(&play.stage, late);
    CHECK(Reason(refused) == "HOST_CONFLICT");
    CHECK_THAT(std::string(Message(refused)),
               Catch::Contains("/" + std::string(kTlsOfMaster) + " is there already"));
    CHECK(host.Running() == running);
    CHECK(play.Record().cluster.tls == nullptr);
  }
  CHECK(host.root().Read(mine) == "mine");
}

TEST_CASE("TLS is not switched on where what DM keeps cannot be taken along", "[runners][tls]") {
  Switching play;
  for (const char* machine : {"m2", "m3"}) play.stage.host(machine).TurnOff();
  CHECK(Reason(play.Enabling()().status()) == "DM_NOT_HEALTHY");
}

}  // namespace
}  // namespace dmgr::test

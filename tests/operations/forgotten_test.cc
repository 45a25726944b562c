// A cluster whose secrets were given up with a lost master key: what it can do, and the way back.
#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/machines/access.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/reload/reload.h"
#include "server/operations/rotate_key/rotate_key.h"
#include "server/operations/service/service.h"
#include "server/secrets/rotate.h"
#include "server/store/cluster_store.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

const Caller kErin{"erin"};
constexpr char kForgotten[] = "dm-test";

template <typename Request>
Request RequestFor() {
  Request request;
  request.set_cluster_name(kForgotten);
  return request;
}

template <typename Request>
Ask Asking(Stage& stage,
           absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
           const Request& request) {
  return [&stage, call, request] { return call(stage.resources(), request, kErin); };
}

store::ClusterRecord RecordIn(Stage& stage) {
  return store::Get(stage.database(),
                    [](store::Transaction& tx) { return store::GetCluster(tx, kForgotten); });
}

// As UpdateMachine does after a look at the host.
void GiveCredentials(Stage& stage) {
  REQUIRE_OK(stage.database().Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(auto records, store::ListMachines(tx, "", 100));
    for (auto& record : records) {
      v1::Credential credential;
      credential.set_password("given again");
      record.sealed_credential = stage.resources().secrets->Seal(
          credential.SerializeAsString(), machines::CredentialContext(record));
      RETURN_IF_ERROR(store::UpdateMachine(tx, record));
    }
    return absl::OkStatus();
  }));
}

bool Leads(const absl::Status& status, v1::Action action) {
  for (const auto& next : NextActionsOf(status)) {
    if (next.action() == action) return true;
  }
  return false;
}

TEST_CASE("a cluster whose secrets were given up goes on, and is made whole by its topology",
          "[runners]") {
  Stage stage;
  auto deploy = RequestFor<v1::DeployClusterRequest>();
  deploy.set_version("v7.5.1");
  deploy.set_user_login(true);
  *deploy.mutable_topology() = SampleTopology();
  Perform(&stage, Asking(stage, operations::DeployCluster, deploy));
  const auto forgotten =
      secrets::ForgetSecrets(&stage.database(), nullptr, *stage.resources().secrets);
  REQUIRE_OK(forgotten.status());
  CHECK(forgotten->clusters == std::vector<std::string>{kForgotten});

  const auto start = Asking(stage, operations::StartCluster, RequestFor<v1::StartClusterRequest>());
  const absl::Status away = machines::LoadAccess(stage.resources(), "m1").status();
  CHECK(Reason(away) == "CREDENTIAL_UNREADABLE");
  CHECK(Message(away).find("was given up with a lost master key") != std::string_view::npos);
  CHECK(Leads(away, v1::ACTION_UPDATE_MACHINE));
  GiveCredentials(stage);
  Perform(&stage, start);

  INFO("nothing is written that lacks what is lost");
  const auto reload =
      Asking(stage, operations::ReloadCluster, RequestFor<v1::ReloadClusterRequest>());
  const absl::Status refused = reload().status();
  INFO(refused.ToString());
  CHECK(Reason(refused) == "SECRETS_FORGOTTEN");
  CHECK(Leads(refused, v1::ACTION_UPDATE_CLUSTER_TOPOLOGY));

  auto update = RequestFor<v1::UpdateClusterTopologyRequest>();
  *update.mutable_topology() = SampleTopology();
  v1::UpdateClusterTopologyResponse updated;
  REQUIRE_OK(operations::UpdateClusterTopology(
      stage.resources(), update, [](store::Transaction&, const auto&) { return absl::OkStatus(); },
      &updated));
  CHECK(updated.changed_instances_size() >= 3);
  CHECK_FALSE(RecordIn(stage).secrets_forgotten);
  Perform(&stage, reload);
  CHECK_FALSE(RecordIn(stage).sealed_options.empty());
  Perform(&stage,
          Asking(stage, operations::RotateClusterKey, RequestFor<v1::RotateClusterKeyRequest>()));
  CHECK_FALSE(RecordIn(stage).sealed_private_key.empty());
}

}  // namespace
}  // namespace dmgr::test

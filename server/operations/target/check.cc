// What dmgrd itself finds in a target.
#include <string>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/databases/checks.h"
#include "server/operations/calls/databases.h"
#include "server/operations/target/database.h"
#include "server/operations/target/target.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kTargetTime = absl::Seconds(20);

databases::Account AccountOf(const v1::Target& target) {
  return {.host = target.host(),
          .port = target.port(),
          .user = target.user_name(),
          .password = target.password(),
          .ca = target.ca_certificate(),
          .certificate = target.client_certificate(),
          .key = target.client_key()};
}

absl::StatusOr<databases::Checks> AskNow(const databases::Account& account) {
  return databases::CheckTargetDatabase(account, SteadyNow() + kTargetTime);
}

}  // namespace

absl::StatusOr<databases::Checks> RequireTargetReady(const v1::Target& target) {
  const databases::Account account = AccountOf(target);
  return RequireReady("target " + target.target_name(), account, AskNow(account));
}

absl::StatusOr<v1::CheckTargetResponse> CheckTarget(const Resources& resources,
                                                    const v1::CheckTargetRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  ASSIGN_OR_RETURN(auto target,
                   clusters::LoadTarget(resources, record.cluster.uuid, request.target_name()));
  const WipeAtEnd password(target.mutable_password());
  const WipeAtEnd key(target.mutable_client_key());
  ASSIGN_OR_RETURN(const auto checks, AskNow(AccountOf(target)));
  v1::CheckTargetResponse response;
  *response.mutable_checks() = {checks.begin(), checks.end()};
  return response;
}

}  // namespace dmgr::operations

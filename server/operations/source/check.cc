// What dmgrd itself finds in the database of a source.
#include <string>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/databases/checks.h"
#include "server/operations/source/seen.h"
#include "server/operations/source/source.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kDatabaseTime = absl::Seconds(20);

// The configuration that is meant, with its secrets.
absl::StatusOr<std::string> MeantSource(const Resources& resources,
                                        const store::ClusterRecord& record,
                                        const v1::CheckSourceRequest& request) {
  std::string id = request.source_id();
  if (!request.config_yaml().empty()) {
    ASSIGN_OR_RETURN(const auto read, migrations::ReadSource(request.config_yaml()));
    id = read.source_id;
  }
  ASSIGN_OR_RETURN(auto meant, clusters::MeantConfig(resources, SourceKey(record.cluster.uuid, id),
                                                     request.config_yaml()));
  if (!meant.has_value()) return SourceNotFound(record.cluster.name, id);
  return *std::move(meant);
}

}  // namespace

absl::StatusOr<v1::CheckSourceResponse> CheckSource(const Resources& resources,
                                                    const v1::CheckSourceRequest& request) {
  if (request.config_yaml().empty() == request.source_id().empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "SOURCE_NOT_NAMED",
                 "either the configuration of a source is to be checked, or one by its id")
        .Remedy("set config_yaml or source_id");
  }
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  ASSIGN_OR_RETURN(auto yaml, MeantSource(resources, record, request));
  const WipeAtEnd wiped(&yaml);
  ASSIGN_OR_RETURN(auto login, migrations::ReadSourceLogin(yaml));
  const databases::Account account{.host = login.host,
                                   .port = login.port,
                                   .user = login.user,
                                   .password = std::move(login.password),
                                   .ca = login.ca,
                                   .certificate = login.certificate,
                                   .key = std::move(login.key)};
  ASSIGN_OR_RETURN(const auto checks, databases::CheckSourceDatabase(account, login.enables_gtid,
                                                                     SteadyNow() + kDatabaseTime));
  v1::CheckSourceResponse response;
  *response.mutable_checks() = {checks.begin(), checks.end()};
  if (login.names_files) {
    auto* tls = response.add_checks();
    tls->set_check_name("tls");
    tls->set_result(v1::DATABASE_CHECK_RESULT_WARN);
    tls->set_found("certificates in files of the dm-workers' hosts");
    tls->set_instruction("nothing is to be done: dmgrd has asked without them");
  }
  return response;
}

}  // namespace dmgr::operations

// What dmgrd itself finds in the database of a source.
#include <string>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/databases/checks.h"
#include "server/operations/calls/databases.h"
#include "server/operations/source/database.h"
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

// How a source's database is asked.
struct Question {
  databases::Account account;
  bool needs_gtid = false;
  bool names_files = false;
};

absl::StatusOr<Question> QuestionOf(const std::string& yaml) {
  ASSIGN_OR_RETURN(auto login, migrations::ReadSourceLogin(yaml));
  return Question{.account = {.host = login.host,
                              .port = login.port,
                              .user = login.user,
                              .password = std::move(login.password),
                              .ca = login.ca,
                              .certificate = login.certificate,
                              .key = std::move(login.key)},
                  .needs_gtid = login.enables_gtid,
                  .names_files = login.names_files};
}

absl::StatusOr<databases::Checks> AskNow(const Question& question) {
  ASSIGN_OR_RETURN(auto checks,
                   databases::CheckSourceDatabase(question.account, question.needs_gtid,
                                                  SteadyNow() + kDatabaseTime));
  if (question.names_files) {
    v1::DatabaseCheck tls;
    tls.set_check_name("tls");
    tls.set_result(v1::DATABASE_CHECK_RESULT_WARN);
    tls.set_found("certificates in files of the dm-workers' hosts");
    tls.set_instruction("nothing is to be done: dmgrd has asked without them");
    checks.push_back(std::move(tls));
  }
  return checks;
}

}  // namespace

absl::StatusOr<databases::Checks> RequireSourceReady(const std::string& source,
                                                     const std::string& yaml) {
  ASSIGN_OR_RETURN(const Question question, QuestionOf(yaml));
  return RequireReady("source " + source, question.account, AskNow(question));
}

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
  ASSIGN_OR_RETURN(const Question question, QuestionOf(yaml));
  ASSIGN_OR_RETURN(const auto checks, AskNow(question));
  v1::CheckSourceResponse response;
  *response.mutable_checks() = {checks.begin(), checks.end()};
  return response;
}

}  // namespace dmgr::operations

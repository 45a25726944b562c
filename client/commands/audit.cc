// audit list, export, verify.
#include <fmt/format.h>

#include "absl/strings/numbers.h"
#include "client/commands/command.h"
#include "client/commands/when.h"
#include "common/error.h"
#include "dmgr/v1/audit_service.pb.h"

namespace dmgr::client {
namespace {

using ListRequest = v1::ListAuditRecordsRequest;

struct AuditOptions {
  int limit = 50;
  std::string user, method, about, operation, outcome, since, until;
};

std::shared_ptr<AuditOptions> DeclareFilters(const Syntax& syntax) {
  auto options = std::make_shared<AuditOptions>();
  syntax.Add("--user", &options->user, "only calls of this user");
  syntax.Add("--method", &options->method, "only this one, such as ClusterService/StopCluster");
  syntax.Add("--about", &options->about, "only about this cluster, machine, version or user");
  syntax.Add("--operation", &options->operation, "only those of this operation");
  syntax.Add("--outcome", &options->outcome, "only what was done, or what was refused")
      .OneOf({"done", "refused"});
  syntax.Add("--since", &options->since,
             "only from then on: a date, a time, or 2h for so long ago");
  syntax.Add("--until", &options->until, "only before that");
  return options;
}

absl::StatusOr<ListRequest> RequestOf(const AuditOptions& options) {
  ListRequest request;
  request.set_user_name(options.user);
  request.set_method(options.method);
  request.set_target(options.about);
  request.set_operation_id(options.operation);
  if (options.outcome == "done") request.set_outcome(ListRequest::OUTCOME_DONE);
  if (options.outcome == "refused") request.set_outcome(ListRequest::OUTCOME_REFUSED);
  RETURN_IF_ERROR(ParseRange(options.since, options.until, request.mutable_time()));
  return request;
}

Run DeclareList(const Syntax& syntax) {
  auto options = DeclareFilters(syntax);
  syntax.Add("--limit", &options->limit, "at most so many (50)").Between(1, 1000);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(ListRequest request, RequestOf(*options));
    request.set_page_size(options->limit);
    return environment.Show<v1::ListAuditRecordsResponse>(request);
  };
}

Run DeclareExport(const Syntax& syntax) {
  auto options = DeclareFilters(syntax);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(ListRequest request, RequestOf(*options));
    request.set_page_size(1000);
    do {
      ASSIGN_OR_RETURN(const auto page, environment.Call<v1::ListAuditRecordsResponse>(request));
      for (const auto& record : page.records()) environment.PrintEvent(record);
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return kDone;
  };
}

absl::StatusOr<v1::AuditPosition> ParsePosition(const std::string& text) {
  const auto colon = text.find(':');
  std::int64_t id = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(text.substr(0, colon), &id) || id < 1 ||
      colon + 1 == text.size()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                 "--noted {}: must be what dmgrctl audit verify has printed, such as 1234:5f3c...",
                 text);
  }
  v1::AuditPosition position;
  position.set_audit_id(id);
  position.set_chain(text.substr(colon + 1));
  return position;
}

// Exits with 1 when a record is not as it was written.
Run DeclareVerify(const Syntax& syntax) {
  auto noted = std::make_shared<std::string>();
  syntax.Add("--noted", noted.get(),
             "the last record as printed some time ago: that it is still there is looked at too");
  return [noted](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::VerifyAuditLogRequest request;
    if (!noted->empty()) {
      ASSIGN_OR_RETURN(*request.mutable_noted(), ParsePosition(*noted));
    }
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::VerifyAuditLogResponse>(request));
    environment.Print(response);
    return response.problem_count() == 0 ? kDone : kFailed;
  };
}

}  // namespace

std::vector<Command> AuditCommands() {
  return {{"audit list", "list calls that changed something, newest first",
           "dmgrctl audit list --user carol --since 2d", DeclareList},
          {"audit export", "print them all, a line of JSON each, newest first",
           "dmgrctl audit export --since 30d", DeclareExport},
          {"audit verify", "look whether they are all there, and as they were written",
           "dmgrctl audit verify", DeclareVerify}};
}

}  // namespace dmgr::client

#include "client/commands/operation_choice.h"

#include <fmt/format.h>

#include <vector>

#include "client/output/next_actions.h"
#include "common/enum_words.h"
#include "common/error.h"
#include "dmgr/v1/operation_service.pb.h"

namespace dmgr::client {
namespace {

constexpr std::size_t kUuidSize = 36;
constexpr std::size_t kFewestLetters = 4;
constexpr int kPageSize = 1000;

absl::StatusOr<std::string> Newest(Environment& environment, const std::string& cluster) {
  v1::ListOperationsRequest request;
  request.set_cluster_name(cluster);
  request.set_page_size(1);
  ASSIGN_OR_RETURN(const auto response, environment.Call<v1::ListOperationsResponse>(request));
  if (!response.operations().empty()) return response.operations(0).operation_id();
  return Error(absl::StatusCode::kNotFound, "OPERATION_NOT_FOUND", "there is no operation{}",
               cluster.empty() ? "" : " of cluster " + cluster)
      .Next(v1::ACTION_LIST_OPERATIONS);
}

std::string Line(const v1::Operation& operation) {
  return fmt::format("{} ({} of {})", operation.operation_id(), ToWord(operation.kind()),
                     operation.cluster_name());
}

absl::StatusOr<std::string> ByBeginning(Environment& environment, const std::string& beginning) {
  v1::ListOperationsRequest request;
  request.set_page_size(kPageSize);
  ASSIGN_OR_RETURN(const auto all,
                   environment.connection().ListAll<v1::ListOperationsResponse>(request));
  std::vector<std::string> lines;
  std::string id;
  for (const auto& operation : all.operations()) {
    if (!operation.operation_id().starts_with(beginning)) continue;
    id = operation.operation_id();
    lines.push_back(Line(operation));
  }
  if (lines.size() == 1) return id;
  if (lines.empty()) {
    return Error(absl::StatusCode::kNotFound, "OPERATION_NOT_FOUND", "no operation begins with {}",
                 beginning)
        .Next(v1::ACTION_LIST_OPERATIONS);
  }
  return Error(absl::StatusCode::kInvalidArgument, "AMBIGUOUS_OPERATION",
               "{} operations begin with {}: {}", lines.size(), beginning, fmt::join(lines, ", "))
      .Remedy("type more of its id");
}

}  // namespace

Option DeclareOperation(const Syntax& syntax, OperationChoice* choice) {
  const Option id =
      syntax.Add("OPERATION", &choice->id, "operation id or its beginning; with --last a cluster");
  syntax.Flag("--last", &choice->last, "the newest one (of the cluster, if one is named)");
  return id;
}

absl::StatusOr<std::string> OperationOf(Environment& environment, const OperationChoice& choice) {
  if (choice.last) return Newest(environment, choice.id);
  // A whole one is for dmgrd to judge.
  if (choice.id.size() >= kUuidSize) return choice.id;
  if (choice.id.size() >= kFewestLetters) return ByBeginning(environment, choice.id);
  if (choice.id.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE", "which operation was not said")
        .Remedy("pass its id, or --last");
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
               "{} is too short to name an operation", choice.id)
      .Remedy(fmt::format("type {} letters of its id at least", kFewestLetters));
}

}  // namespace dmgr::client

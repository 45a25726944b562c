// What DM finds in the databases before it would start a task.
#include <algorithm>
#include <string>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/operations/task/seen.h"
#include "server/operations/task/task.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kCheckTime = absl::Minutes(10);
constexpr int kMostTold = 1000;

v1::CheckResult ResultOf(dm::CheckState state) {
  switch (state) {
    case dm::CheckState::kFail:
      return v1::CHECK_RESULT_FAIL;
    case dm::CheckState::kWarn:
      return v1::CHECK_RESULT_WARN;
    default:
      return v1::CHECK_RESULT_PASS;
  }
}

v1::TaskCheck ShownRow(const dm::CheckRow& row) {
  v1::TaskCheck check;
  check.set_check_name(row.name);
  check.set_description(row.description);
  check.set_result(ResultOf(row.state));
  for (const auto& problem : row.problems) check.add_errors(problem.short_error);
  check.set_instruction(row.instruction);
  return check;
}

// The configuration that is meant, with its secrets.
absl::StatusOr<std::string> Meant(const Resources& resources, const std::string& cluster,
                                  const std::string& cluster_uuid,
                                  const v1::CheckTaskRequest& request) {
  std::string name = request.task_name();
  if (!request.config_yaml().empty()) {
    ASSIGN_OR_RETURN(const auto read, migrations::ReadTask(request.config_yaml()));
    name = read.name;
  }
  ASSIGN_OR_RETURN(auto meant, clusters::MeantConfig(resources, TaskKey(cluster_uuid, name),
                                                     request.config_yaml()));
  if (!meant.has_value()) return TaskNotFound(cluster, name);
  return *std::move(meant);
}

}  // namespace

absl::StatusOr<v1::CheckTaskResponse> CheckTask(const Resources& resources,
                                                const v1::CheckTaskRequest& request) {
  if (request.config_yaml().empty() == request.task_name().empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "TASK_NOT_NAMED",
                 "either the configuration of a task is to be checked, or one by its name")
        .Remedy("set config_yaml or task_name");
  }
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  ASSIGN_OR_RETURN(auto yaml,
                   Meant(resources, request.cluster_name(), record.cluster.uuid, request));
  const WipeAtEnd wiped(&yaml);
  pb::CheckTaskRequest asked;
  ASSIGN_OR_RETURN(*asked.mutable_task(), ForDm(resources, record.cluster.uuid, yaml));
  const WipeAtEnd wiped_too(asked.mutable_task());
  asked.set_err_cnt(kMostTold);
  asked.set_warn_cnt(kMostTold);
  ASSIGN_OR_RETURN(auto check, resources.members->migrations().CheckTask(
                                   record.cluster, asked, {.deadline = SteadyNow() + kCheckTime}));
  std::ranges::stable_sort(check.rows, [](const dm::CheckRow& a, const dm::CheckRow& b) {
    return static_cast<int>(a.state) > static_cast<int>(b.state);
  });
  v1::CheckTaskResponse response;
  for (const auto& row : check.rows) *response.add_checks() = ShownRow(row);
  response.set_passed_count(static_cast<int>(check.successful));
  return response;
}

}  // namespace dmgr::operations

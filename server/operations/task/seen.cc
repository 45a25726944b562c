#include "server/operations/task/seen.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "common/untrusted_json.h"
#include "server/clusters/migration.h"

namespace dmgr::operations {
namespace {

constexpr std::size_t kToldRows = 5;

bool IsFinished(const v1::Subtask& subtask) { return subtask.stage() == v1::TASK_STAGE_FINISHED; }

std::string WordsOfRow(const dm::CheckRow& row) {
  std::vector<std::string> problems;
  for (const auto& problem : row.problems) problems.push_back(problem.short_error);
  std::string words = fmt::format("{}", fmt::join(problems, ", "));
  if (words.empty()) words = row.description;
  const std::string instruction =
      row.instruction.empty() ? "" : fmt::format(" ({})", row.instruction);
  return fmt::format("{}: {}{}", row.name, words, instruction);
}

}  // namespace

bool SeenTask::IsPausedByHand() const {
  return migrations::PausedByError(subtasks) == nullptr &&
         std::ranges::any_of(subtasks, [](const auto& one) { return one.paused_by_hand(); });
}

bool SeenTask::IsPaused() const {
  return silent_sources.empty() && std::ranges::all_of(subtasks, [](const auto& one) {
           return one.stage() == v1::TASK_STAGE_PAUSED || IsFinished(one);
         });
}

bool SeenTask::Runs() const {
  return silent_sources.empty() && std::ranges::all_of(subtasks, [](const auto& one) {
           return one.stage() == v1::TASK_STAGE_RUNNING || IsFinished(one);
         });
}

bool SeenTask::IsOf(const std::vector<std::string>& sources) const {
  return std::ranges::all_of(subtasks, [&](const auto& one) {
    return std::ranges::find(sources, one.source_id()) != sources.end();
  });
}

absl::StatusOr<std::optional<SeenTask>> LookAtTask(const Resources& resources,
                                                   const topology::Cluster& cluster,
                                                   const std::string& task,
                                                   const dm::Within& within) {
  const auto status = resources.members->migrations().QueryStatus(cluster, task, within);
  if (Reason(status.status()) == "DM_TASK_MISSING") return std::nullopt;
  RETURN_IF_ERROR(status.status());
  auto seen = migrations::ReadStatus(*status);
  return SeenTask{.subtasks = std::move(seen.tasks[task]),
                  .silent_sources = std::move(seen.silent_sources)};
}

store::MigrationKey TaskKey(const std::string& cluster_uuid, const std::string& task) {
  return {.cluster_uuid = cluster_uuid, .kind = store::MigrationKind::kTask, .name = task};
}

absl::Status TaskNotFound(const std::string& cluster, const std::string& task) {
  return Error(absl::StatusCode::kNotFound, "TASK_NOT_FOUND", "cluster {} has no task {}", cluster,
               task)
      .With("cluster", cluster)
      .With("task", task)
      .Remedy("look which tasks it has");
}

std::string TaskDetails(const migrations::TaskConfig& config, const std::string& mark) {
  nlohmann::json details = {{"sources", config.sources}, {"mode", config.mode}};
  if (!mark.empty()) details["mark"] = mark;
  return details.dump();
}

std::vector<std::string> SourcesIn(const std::string& details_json) {
  std::vector<std::string> sources;
  const auto details = ParseUntrustedJson(details_json, kListLimits);
  if (!details.has_value() || !details->is_object()) return sources;
  const auto found = details->find("sources");
  if (found == details->end() || !found->is_array()) return sources;
  for (const auto& source : *found) {
    if (source.is_string()) sources.push_back(source.get<std::string>());
  }
  return sources;
}

absl::StatusOr<std::string> ForDm(const Resources& resources, const std::string& cluster_uuid,
                                  const std::string& yaml) {
  ASSIGN_OR_RETURN(const auto config, migrations::ReadTask(yaml));
  if (config.target_name.empty()) return yaml;
  ASSIGN_OR_RETURN(auto target, clusters::LoadTarget(resources, cluster_uuid, config.target_name));
  const WipeAtEnd password(target.mutable_password());
  const WipeAtEnd key(target.mutable_client_key());
  return migrations::PutTarget(yaml, target);
}

absl::Status StatusOfCheck(const std::string& task, const dm::CheckResult& check) {
  if (check.passed) return absl::OkStatus();
  std::vector<std::string> failed;
  std::size_t count = 0;
  for (const auto& row : check.rows) {
    if (row.state != dm::CheckState::kFail) continue;
    if (++count <= kToldRows) failed.push_back(WordsOfRow(row));
  }
  if (count > kToldRows) failed.push_back(fmt::format("and {} more", count - kToldRows));
  if (failed.empty()) failed.push_back(check.sentence);
  return Error(absl::StatusCode::kFailedPrecondition, "DM_PRECHECK_FAILED",
               "DM would not start the task {}: {}", task, fmt::join(failed, "; "))
      .With("task", task)
      .Remedy("check the task, and mend what the check finds");
}

}  // namespace dmgr::operations

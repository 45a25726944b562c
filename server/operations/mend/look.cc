#include "server/operations/mend/look.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kMendLook = absl::Seconds(15);
constexpr std::size_t kFingerprint = 300;

absl::Status DmLacks(const std::string& task) {
  return Error(absl::StatusCode::kFailedPrecondition, "TASK_NOT_RUNNING",
               "DM does not have a task {}", task)
      .With("task", task)
      .Remedy("see whether its name is right, and start it");
}

}  // namespace

absl::StatusOr<StuckTask> LookAtStuck(const Resources& resources, const topology::Cluster& cluster,
                                      const std::string& task,
                                      const std::vector<std::string>& source_ids,
                                      const dm::Within& within) {
  const auto status = resources.members->migrations().QueryStatus(cluster, task, within);
  if (Reason(status.status()) == "DM_TASK_MISSING") return DmLacks(task);
  RETURN_IF_ERROR(status.status());
  auto seen = migrations::ReadStatus(*status);
  StuckTask stuck{.subtasks = std::move(seen.tasks[task]),
                  .silent_sources = std::move(seen.silent_sources)};
  if (source_ids.empty()) return stuck;
  const auto is_meant = [&](const std::string& source) {
    return std::ranges::find(source_ids, source) != source_ids.end();
  };
  for (const auto& source : source_ids) {
    const bool is_there = stuck.silent_sources.contains(source) ||
                          std::ranges::any_of(stuck.subtasks, [&](const auto& one) {
                            return one.source_id() == source;
                          });
    if (is_there) continue;
    return Error(absl::StatusCode::kNotFound, "SOURCE_NOT_FOUND", "task {} has no source {}", task,
                 source)
        .With("task", task)
        .With("source", source)
        .Remedy("look which sources it has");
  }
  std::erase_if(stuck.subtasks, [&](const auto& one) { return !is_meant(one.source_id()); });
  std::erase_if(stuck.silent_sources, [&](const auto& one) { return !is_meant(one.first); });
  return stuck;
}

dm::Within WithinLook() { return {.deadline = SteadyNow() + kMendLook}; }

absl::Status UnfitRequest(const std::string& why, const std::string& remedy) {
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{}", why).Remedy(remedy);
}

pv1::SeenErrorParams SeenErrorOf(const v1::Subtask& subtask) {
  pv1::SeenErrorParams seen;
  const auto& error = subtask.errors(0);
  seen.set_source_id(subtask.source_id());
  seen.set_code(error.code());
  seen.set_binlog_position(migrations::PositionOf(error));
  if (seen.binlog_position().empty()) {
    seen.set_fingerprint(migrations::CleanText(migrations::WordsOf(error), kFingerprint));
  }
  return seen;
}

bool HasStill(const v1::Subtask& subtask, const pv1::SeenErrorParams& error) {
  if (subtask.stage() != v1::TASK_STAGE_PAUSED || subtask.errors().empty()) return false;
  const auto now = SeenErrorOf(subtask);
  return now.source_id() == error.source_id() && now.code() == error.code() &&
         now.binlog_position() == error.binlog_position() &&
         now.fingerprint() == error.fingerprint();
}

}  // namespace dmgr::operations

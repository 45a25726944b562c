#include "server/operations/task/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/clusters/migration.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/steps/task_marks.h"
#include "server/operations/task/plan.h"
#include "server/operations/task/runner.h"
#include "server/operations/task/seen.h"

namespace dmgr::operations {
namespace {

using absl::StatusCode;
using store::MigrationKind;
using store::MigrationRecord;

constexpr absl::Duration kTaskLook = absl::Seconds(15);

absl::Status RefusedTask(StatusCode code, const char* reason, const std::string& task,
                         const std::string& why, const std::string& remedy) {
  // The reasons are in the calls below.
  return Error(code, reason, "task {} {}", task, why).With("task", task).Remedy(remedy);
}

// What a call finds out before it plans.
struct FoundTask {
  migrations::TaskConfig config;
  store::MigrationKey key;
  std::optional<MigrationRecord> recorded;
  std::int64_t next_revision = 0;
  bool has_target = false;
  std::optional<SeenTask> there;
  // DM has another configuration than dmgr gave it.
  bool differs = false;
  store::MigrationRevision revision;

  pv1::TaskParams Params() const {
    pv1::TaskParams params;
    params.set_task_name(key.name);
    if (recorded.has_value()) AddFormer(*recorded, &params);
    const bool brings_one = revision.revision != 0;
    params.set_revision(brings_one ? revision.revision : params.former_revision());
    params.set_was_there(there.has_value());
    params.set_was_paused(there.has_value() && there->IsPausedByHand());
    return params;
  }
};

absl::Status LookFor(const Resources& resources, const Subject& subject, const std::string& task,
                     FoundTask* found) {
  const auto& cluster = subject.record.cluster;
  found->key = TaskKey(cluster.uuid, task);
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(found->recorded, store::FindMigration(tx, found->key));
    ASSIGN_OR_RETURN(found->next_revision, store::NextRevision(tx, found->key));
    if (found->config.target_name.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto target,
                     store::FindMigration(tx, {.cluster_uuid = cluster.uuid,
                                               .kind = MigrationKind::kTarget,
                                               .name = found->config.target_name}));
    found->has_target = target.has_value();
    return absl::OkStatus();
  }));
  const dm::Within within{.deadline = SteadyNow() + kTaskLook};
  ASSIGN_OR_RETURN(found->there, LookAtTask(resources, cluster, task, within));
  found->differs = found->recorded.has_value() && found->there.has_value() &&
                   DiffersInDm(resources, cluster, *found->recorded, within);
  return absl::OkStatus();
}

absl::Status RequireManaged(const Subject& subject, const FoundTask& found) {
  if (found.recorded.has_value()) return absl::OkStatus();
  if (!found.there.has_value()) {
    return TaskNotFound(subject.record.cluster.name, found.key.name);
  }
  return RefusedTask(StatusCode::kFailedPrecondition, "TASK_FOREIGN", found.key.name,
                     "was not made by dmgr, which does not have its configuration",
                     "change it by what has made it");
}

// What DM has is taken from it only when it is what dmgr gave it: nobody else keeps it.
absl::Status RequireUnchanged(const Subject& subject, const FoundTask& found) {
  RETURN_IF_ERROR(RequireManaged(subject, found));
  if (!found.differs) return absl::OkStatus();
  const std::string& cluster = subject.record.cluster.name;
  return Error(StatusCode::kFailedPrecondition, "TASK_DIFFERS",
               "DM has another configuration of task {} than dmgr gave it: something else has "
               "changed it, or made it anew",
               found.key.name)
      .With("cluster", cluster)
      .With("task", found.key.name)
      .Remedy(
          "adopt it as it is, give DM the recorded configuration again, or update it to the one "
          "that is to be")
      .Next(v1::ACTION_ADOPT_TASK, {{"cluster_name", cluster}, {"task_name", found.key.name}})
      .Next(v1::ACTION_ROLLBACK_TASK,
            {{"cluster_name", cluster},
             {"task_name", found.key.name},
             {"revision", std::to_string(found.recorded->config.revision)}})
      .Next(v1::ACTION_UPDATE_TASK, {{"cluster_name", cluster}});
}

absl::Status RequireThere(const Subject& subject, const FoundTask& found) {
  if (found.there.has_value()) return absl::OkStatus();
  if (!found.recorded.has_value()) {
    return TaskNotFound(subject.record.cluster.name, found.key.name);
  }
  return RefusedTask(StatusCode::kFailedPrecondition, "TASK_NOT_RUNNING", found.key.name,
                     "is stopped", "start it");
}

// Sources and target that a configuration names.
absl::Status RequireParts(const Resources& resources, const Subject& subject,
                          const FoundTask& found) {
  const auto& cluster = subject.record.cluster;
  const auto& target = found.config.target_name;
  if (!target.empty() && !found.has_target) {
    return Error(StatusCode::kNotFound, "TARGET_NOT_FOUND", "cluster {} has no target {}",
                 cluster.name, target)
        .With("cluster", cluster.name)
        .With("target", target)
        .Remedy("create it, or name another one");
  }
  ASSIGN_OR_RETURN(const auto sources, resources.members->migrations().ListSources(
                                           cluster, {.deadline = SteadyNow() + kTaskLook}));
  for (const auto& source : found.config.sources) {
    const bool is_there =
        std::ranges::find(sources, source, &dm::SourceAnswer::source) != sources.end();
    if (is_there) continue;
    return Error(StatusCode::kNotFound, "SOURCE_NOT_FOUND",
                 "cluster {} has no source {}, which the task {} is of", cluster.name, source,
                 found.key.name)
        .With("cluster", cluster.name)
        .With("source", source)
        .Remedy("create it, or name another one");
  }
  return absl::OkStatus();
}

// Secrets are filled in from the configuration that there is, if there is one.
absl::Status SealTask(const Resources& resources, const std::string& yaml, const Caller& caller,
                      FoundTask* found) {
  std::string older;
  const WipeAtEnd wiped(&older);
  if (found->recorded.has_value() && !found->recorded->config.sealed_config.empty()) {
    ASSIGN_OR_RETURN(older,
                     clusters::OpenMigration(resources, found->key, found->recorded->config));
  }
  ASSIGN_OR_RETURN(auto filled, migrations::FillHidden(yaml, older));
  const WipeAtEnd wiped_too(&filled);
  found->revision =
      clusters::SealMigration(resources, found->key, found->next_revision, filled, caller.user);
  return absl::OkStatus();
}

// As DM takes it: of UTC.
template <typename Request>
std::string StartTimeOf(const Request& request) {
  if (!request.has_start_time()) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S",
                          absl::FromUnixSeconds(request.start_time().seconds()),
                          absl::UTCTimeZone());
}

template <typename Request>
pv1::TaskParams ParamsForStart(const FoundTask& found, const Request& request) {
  auto params = found.Params();
  params.set_remove_meta(request.remove_meta());
  params.set_start_time(StartTimeOf(request));
  return params;
}

using Require = absl::Status (*)(const Subject& subject, const FoundTask& found);
using MakePlan = engine::Plan (*)(const topology::Cluster& cluster, const pv1::TaskParams& task);

// What changes no configuration.
template <typename Request>
absl::StatusOr<v1::Operation> ChangeStage(const Resources& resources, const Request& request,
                                          const Caller& caller, Require require, MakePlan plan) {
  FoundTask found;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [](const Subject& subject) { return RequireUp(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(LookFor(resources, subject, request.task_name(), &found));
    return require(subject, found);
  };
  rules.plan = [&](const Subject& subject) { return plan(subject.record.cluster, found.Params()); };
  return Change(resources, request, caller, rules);
}

}  // namespace

absl::StatusOr<v1::Operation> CreateTask(const Resources& resources,
                                         const v1::CreateTaskRequest& request,
                                         const Caller& caller) {
  FoundTask found;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(found.config, migrations::ReadTask(request.config_yaml()));
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const std::string& task = found.config.name;
    RETURN_IF_ERROR(LookFor(resources, subject, task, &found));
    if (found.recorded.has_value() || found.there.has_value()) {
      return RefusedTask(StatusCode::kAlreadyExists, "TASK_EXISTS", task,
                         found.recorded.has_value() ? "is there already" : "is there in DM already",
                         "change that one, or take another name");
    }
    RETURN_IF_ERROR(RequireParts(resources, subject, found));
    return SealTask(resources, request.config_yaml(), caller, &found);
  };
  rules.plan = [&](const Subject& subject) {
    const auto params = ParamsForStart(found, request);
    return request.stopped() ? PlanStoreTask(subject.record.cluster, params)
                             : PlanCreateTask(subject.record.cluster, params);
  };
  rules.store = [&](store::Transaction& tx) {
    return store::InsertRevision(tx, found.key, found.revision);
  };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::Operation> StartTask(const Resources& resources,
                                        const v1::StartTaskRequest& request, const Caller& caller) {
  FoundTask found;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [](const Subject& subject) { return RequireUp(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(LookFor(resources, subject, request.task_name(), &found));
    RETURN_IF_ERROR(RequireManaged(subject, found));
    if (!found.there.has_value()) return absl::OkStatus();
    return RefusedTask(StatusCode::kFailedPrecondition, "TASK_IS_THERE", request.task_name(),
                       "is there in DM", "resume it, or stop it first");
  };
  rules.plan = [&](const Subject& subject) {
    return PlanStartTask(subject.record.cluster, ParamsForStart(found, request));
  };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::Operation> StopTask(const Resources& resources,
                                       const v1::StopTaskRequest& request, const Caller& caller) {
  return ChangeStage(resources, request, caller, RequireUnchanged, PlanStopTask);
}

absl::StatusOr<v1::Operation> PauseTask(const Resources& resources,
                                        const v1::PauseTaskRequest& request, const Caller& caller) {
  return ChangeStage(resources, request, caller, RequireThere, PlanPauseTask);
}

absl::StatusOr<v1::Operation> ResumeTask(const Resources& resources,
                                         const v1::ResumeTaskRequest& request,
                                         const Caller& caller) {
  return ChangeStage(resources, request, caller, RequireThere, PlanResumeTask);
}

absl::StatusOr<v1::Operation> UpdateTask(const Resources& resources,
                                         const v1::UpdateTaskRequest& request,
                                         const Caller& caller) {
  FoundTask found;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(found.config, migrations::ReadTask(request.config_yaml()));
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const std::string& task = found.config.name;
    RETURN_IF_ERROR(LookFor(resources, subject, task, &found));
    RETURN_IF_ERROR(RequireManaged(subject, found));
    const std::int64_t present = found.recorded->config.revision;
    if (request.revision() != 0 && request.revision() != present) {
      return RefusedTask(StatusCode::kAborted, "MIGRATION_CHANGED", task,
                         fmt::format("was changed since it was read: it is of revision {}, not {}",
                                     present, request.revision()),
                         "read it again, and make the change there");
    }
    RETURN_IF_ERROR(RequireParts(resources, subject, found));
    return SealTask(resources, request.config_yaml(), caller, &found);
  };
  rules.plan = [&](const Subject& subject) {
    return PlanUpdateTask(subject.record.cluster, found.Params());
  };
  rules.store = [&](store::Transaction& tx) {
    return store::InsertRevision(tx, found.key, found.revision);
  };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::Operation> RollbackTask(const Resources& resources,
                                           const v1::RollbackTaskRequest& request,
                                           const Caller& caller) {
  FoundTask found;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [](const Subject& subject) { return RequireUp(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const std::string& task = request.task_name();
    auto loaded = clusters::LoadConfig(resources, TaskKey(subject.record.cluster.uuid, task),
                                       request.revision());
    const absl::Status is_kept = loaded.status();
    std::string yaml = loaded.ok() ? *std::move(loaded) : "";
    const WipeAtEnd wiped(&yaml);
    if (is_kept.ok()) {
      ASSIGN_OR_RETURN(found.config, migrations::ReadTask(yaml));
    }
    RETURN_IF_ERROR(LookFor(resources, subject, task, &found));
    RETURN_IF_ERROR(RequireManaged(subject, found));
    RETURN_IF_ERROR(is_kept);
    // Where DM has another one, it gets this one again.
    if (found.recorded->config.revision == request.revision() && !found.differs) {
      return RefusedTask(StatusCode::kFailedPrecondition, "REVISION_IN_EFFECT", task,
                         fmt::format("has the configuration of revision {}", request.revision()),
                         "name another revision");
    }
    RETURN_IF_ERROR(RequireParts(resources, subject, found));
    return SealTask(resources, yaml, caller, &found);
  };
  rules.plan = [&](const Subject& subject) {
    return PlanUpdateTask(subject.record.cluster, found.Params());
  };
  rules.store = [&](store::Transaction& tx) {
    return store::InsertRevision(tx, found.key, found.revision);
  };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::Operation> DeleteTask(const Resources& resources,
                                         const v1::DeleteTaskRequest& request,
                                         const Caller& caller) {
  return ChangeStage(resources, request, caller, RequireUnchanged, PlanDeleteTask);
}

}  // namespace dmgr::operations

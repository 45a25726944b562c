#include "server/operations/steps/carry_over.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "common/untrusted_json.h"
#include "dmgr/plan/v1/rebuild.pb.h"
#include "server/clusters/copies.h"
#include "server/dm/keys.h"
#include "server/engine/runner.h"
#include "server/members/poll.h"
#include "server/operations/plan/carry_over.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/migrations.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/task_marks.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/wait_news.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/migration_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Component;
using topology::Instance;

// For a copy of any size that there may be.
constexpr absl::Duration kPutBackDeadline = absl::Minutes(5);
// Sources are bound within a second; tasks that replicate connect to their databases first.
constexpr absl::Duration kBoundTimeout = absl::Minutes(2);

// Takes the copy that later steps put back. A copy that equals the last one is that one.
class TakeCopy : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(AwaitElected(context, record.cluster).status());
    // By its number: the newest one may be another's by now.
    ASSIGN_OR_RETURN(const auto copy_id, clusters::TakeCopy(resources(), record.cluster,
                                                            {.deadline = context.deadline(),
                                                             .cancelled = CancelledBy(context)}));
    pv1::RebuildParams taken;
    taken.set_copy_id(copy_id);
    // Nothing is stopped for a copy that nobody can read.
    ASSIGN_OR_RETURN(const auto copy,
                     clusters::OpenCopy(resources(), record.cluster.uuid, taken.copy_id()));
    context.Log(v1::LogLine::LEVEL_INFO, fmt::format("the copy has {} keys", copy.keys_size()));
    return StepResult{.result_json = StepJson(taken), .commit = nullptr};
  }
};

// What is put back is the same as often as it is put.
class PutBack : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::Duration Deadline() const override { return kPutBackDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto copy, KeptCopy(resources(), context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(AwaitElected(context, record.cluster).status());
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(MembersBy(context).migrations().PutKeysBack(
        record.cluster, copy, {.deadline = context.deadline(), .cancelled = CancelledBy(context)}));
    return StepResult{};
  }
};

// Has the leader hand over. A dm-master that is alone leads again once it may.
class ReadBack : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::Duration Deadline() const override { return kElectionTimeout + absl::Minutes(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto members, AwaitElected(context, record.cluster));
    const auto masters = record.cluster.Of(Component::kDmMaster);
    const auto leader = std::ranges::find_if(
        masters, [&](const Instance* master) { return master->DmName() == members.leader_name; });
    if (leader == masters.end()) {
      return Error(absl::StatusCode::kFailedPrecondition, "DM_NOT_HEALTHY",
                   "{} leads, which the record does not have", members.leader_name)
          .Remedy("see who else is a member of it");
    }
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(
        MembersBy(context).EvictLeader(**leader, AskUntil(context), CancelledBy(context)));
    const absl::Status gone = AwaitOther(context, record.cluster, members.leader_name);
    AllowLead(context, **leader);
    RETURN_IF_ERROR(gone);
    RETURN_IF_ERROR(AwaitElected(context, record.cluster).status());
    return StepResult{};
  }

 private:
  // Until it does not lead any more.
  static absl::Status AwaitOther(StepContext& context, const topology::Cluster& cluster,
                                 const std::string& leader) {
    return members::PollUntil(
        std::min(context.deadline(), SteadyNow() + kElectionTimeout),
        [&] { return context.Cancelled(); },
        [&]() -> absl::StatusOr<bool> {
          const auto now = AskMembers(context, cluster);
          return now.ok() && now->leader_name != leader;
        });
  }
};

// What the copy says is to be bound and to run.
struct Expected {
  std::set<std::string> sources;
  // {source, task} -> whether it is to be paused.
  std::map<std::pair<std::string, std::string>, bool> subtasks;
};

bool IsPaused(const std::string& stage_json) {
  const auto stage = ParseUntrustedJson(stage_json);
  if (!stage.has_value() || !stage->is_object()) return false;
  const auto expect = stage->find("expect");
  return expect != stage->end() && *expect == static_cast<int>(pb::STAGE_PAUSED);
}

Expected ExpectedBy(const dm::KeysCopy& copy) {
  Expected expected;
  for (const auto& key : copy.keys()) {
    if (const auto source = dm::NamesIn(key.key(), dm::keys::kSource)) {
      if (source->size() == 1) expected.sources.insert((*source)[0]);
    } else if (const auto subtask = dm::NamesIn(key.key(), dm::keys::kSubTask)) {
      if (subtask->size() == 2)
        expected.subtasks.try_emplace({(*subtask)[0], (*subtask)[1]}, false);
    }
  }
  for (const auto& key : copy.keys()) {
    const auto stage = dm::NamesIn(key.key(), dm::keys::kSubTaskStage);
    if (!stage.has_value() || stage->size() != 2) continue;
    const auto subtask = expected.subtasks.find({(*stage)[0], (*stage)[1]});
    if (subtask != expected.subtasks.end()) subtask->second = IsPaused(key.value());
  }
  return expected;
}

// Waits until each source that a dm-worker is left for is bound, and the tasks of these are where
// they were. One that an error has paused is as it was, or tells what is wrong now.
class AwaitBound : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::Duration Deadline() const override { return kBoundTimeout + absl::Minutes(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto copy, KeptCopy(resources(), context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    const Expected expected = ExpectedBy(copy);
    std::string missing;
    WaitNews news(&context);
    const absl::Status waited = members::PollUntil(
        std::min(context.deadline(), SteadyNow() + kBoundTimeout),
        [&] { return context.Cancelled(); },
        [&]() -> absl::StatusOr<bool> {
          missing = Missing(context, record.cluster, expected);
          if (!missing.empty()) news.Say(missing);
          return missing.empty();
        });
    if (waited.ok()) {
      Tell(context, record.cluster, expected);
      RETURN_IF_ERROR(TellDiffering(context, record));
    }
    if (!absl::IsDeadlineExceeded(waited)) {
      RETURN_IF_ERROR(waited);
      return StepResult{};
    }
    return Error(absl::StatusCode::kDeadlineExceeded, "CLUSTER_NOT_READY",
                 "what was put back is not all at work: {}", missing)
        .Remedy("see its status and the log of the dm-worker, and resume this");
  }

 private:
  // What is not as expected yet; empty: nothing.
  static std::string Missing(StepContext& context, const topology::Cluster& cluster,
                             const Expected& expected) {
    const auto members = AskMembers(context, cluster);
    if (!members.ok()) return std::string(Message(members.status()));
    std::set<std::string> bound;
    bool any_free = false;
    for (const auto& worker : members->workers) {
      if (!worker.source.empty()) bound.insert(worker.source);
      any_free = any_free || worker.stage == "free";
    }
    for (const auto& source : expected.sources) {
      if (any_free && !bound.contains(source)) return fmt::format("source {} is not bound", source);
    }
    const auto status =
        MembersBy(context).migrations().QueryStatus(cluster, "", WithinStep(context, kAskTimeout));
    if (!status.ok()) return std::string(Message(status.status()));
    return MissingTask(*status, expected, bound);
  }

  static std::string MissingTask(const pb::QueryStatusListResponse& status,
                                 const Expected& expected, const std::set<std::string>& bound) {
    std::map<std::pair<std::string, std::string>, pb::Stage> stages;
    for (const auto& source : status.sources()) {
      for (const auto& subtask : source.sub_task_status()) {
        stages[{source.source_status().source(), subtask.name()}] = subtask.stage();
      }
    }
    for (const auto& [subtask, is_paused] : expected.subtasks) {
      if (!bound.contains(subtask.first)) continue;
      const auto found = stages.find(subtask);
      const bool is_settled =
          found != stages.end() &&
          (found->second == pb::STAGE_PAUSED || found->second == pb::STAGE_FINISHED ||
           (!is_paused && found->second == pb::STAGE_RUNNING));
      if (!is_settled) {
        return fmt::format("task {} is not at work for source {}", subtask.second, subtask.first);
      }
    }
    return {};
  }

  // Sources that nobody is left for, and tasks that an error keeps from running.
  static void Tell(StepContext& context, const topology::Cluster& cluster,
                   const Expected& expected) {
    const auto status =
        MembersBy(context).migrations().QueryStatus(cluster, "", WithinStep(context, kAskTimeout));
    if (!status.ok()) return;
    for (const auto& source : status->sources()) {
      const std::string& name = source.source_status().source();
      for (const auto& subtask : source.sub_task_status()) {
        const auto wanted = expected.subtasks.find({name, subtask.name()});
        if (wanted == expected.subtasks.end() || wanted->second ||
            subtask.stage() != pb::STAGE_PAUSED) {
          continue;
        }
        context.Log(
            v1::LogLine::LEVEL_WARNING,
            fmt::format("task {} is paused for source {}: see its status", subtask.name(), name));
      }
    }
  }

  // Tasks that the copy has in another configuration than the record.
  absl::Status TellDiffering(StepContext& context, const store::ClusterRecord& record) const {
    // What a restore puts back it records as well.
    if (context.operation().operation.kind() == v1::OPERATION_KIND_RESTORE) {
      return absl::OkStatus();
    }
    std::vector<store::MigrationRecord> tasks;
    RETURN_IF_ERROR(resources().database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(tasks, store::ListMigrations(tx, {.kind = store::MigrationKind::kTask,
                                                         .cluster_name = record.cluster.name,
                                                         .without_config = true}));
      return absl::OkStatus();
    }));
    for (const auto& task : tasks) {
      if (context.Cancelled()) break;
      if (!DiffersInDm(resources(), record.cluster, task, WithinStep(context, kAskTimeout)))
        continue;
      context.Log(v1::LogLine::LEVEL_WARNING,
                  fmt::format("the copy has another configuration of task {} than the record: "
                              "RollbackTask to revision {} gives DM the recorded one again",
                              task.key.name, task.config.revision));
    }
    return absl::OkStatus();
  }
};

}  // namespace

absl::StatusOr<dm::KeysCopy> KeptCopy(const Resources& resources, StepContext& context) {
  ASSIGN_OR_RETURN(auto params, ParamsOf<pv1::RebuildParams>(context));
  ASSIGN_OR_RETURN(const auto record, LoadCluster(resources, context));
  if (!params.copy_step().empty()) {
    ASSIGN_OR_RETURN(const auto taken, ResultOf<pv1::RebuildParams>(context, params.copy_step()));
    if (!taken.has_value()) {
      return Error(absl::StatusCode::kInternal, "STEP_MISSING",
                   "the operation has taken no copy of what the dm-masters keep");
    }
    params.set_copy_id(taken->copy_id());
  }
  return clusters::OpenCopy(resources, record.cluster.uuid, params.copy_id());
}

void RegisterCarryOverRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kTakeCopy, std::make_unique<TakeCopy>(resources));
  registry->Add(kPutBack, std::make_unique<PutBack>(resources));
  registry->Add(kReadBack, std::make_unique<ReadBack>(resources));
  registry->Add(kAwaitBound, std::make_unique<AwaitBound>(resources));
}

}  // namespace dmgr::operations

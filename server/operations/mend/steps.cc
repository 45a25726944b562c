// The steps that get a stuck task going. What DM has is looked at before it is told anything: a
// step comes again when an answer was lost.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/v1/shard_lock_service.pb.h"
#include "dmgr/v1/task_error_service.pb.h"
#include "dmgr/v1/validation_service.pb.h"
#include "server/members/poll.h"
#include "server/operations/mend/look.h"
#include "server/operations/mend/mend.h"
#include "server/operations/mend/plan.h"
#include "server/operations/steps/migrations.h"
#include "server/operations/steps/runner.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

constexpr absl::Duration kMendAsk = absl::Seconds(15);
constexpr absl::Duration kMendChange = absl::Seconds(70);
// Of a resolved lock: the owner changes the table in the target.
constexpr absl::Duration kMendLong = absl::Minutes(10);
constexpr absl::Duration kMendSettling = absl::Minutes(1);
// Who runs so long has got past the statement.
constexpr absl::Duration kMendSettled = absl::Milliseconds(500);

// Base of the steps that tell DM something. Params: what they are told themselves.
template <typename Params>
class MendRunner : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return absl::Minutes(12); }
  absl::StatusOr<StepResult> Run(StepContext& context) final {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<Params>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(Tell(context, record.cluster, params));
    return StepResult{};
  }

 protected:
  // Nothing, when DM is as it should be already.
  virtual absl::Status Tell(StepContext& context, const topology::Cluster& cluster,
                            const Params& params) const = 0;
  members::Migrations& dm() const { return resources().members->migrations(); }
};

pb::ErrorOp ErrorOpOf(int action) {
  switch (action) {
    case v1::TASK_ERROR_ACTION_SKIP:
      return pb::ERROR_OP_SKIP;
    case v1::TASK_ERROR_ACTION_REPLACE:
      return pb::ERROR_OP_REPLACE;
    case v1::TASK_ERROR_ACTION_INJECT:
      return pb::ERROR_OP_INJECT;
    default:
      return pb::ERROR_OP_REVERT;
  }
}

class HandleErrorStep : public MendRunner<pv1::HandleErrorParams> {
 public:
  using MendRunner::MendRunner;

 protected:
  absl::Status Tell(StepContext& context, const topology::Cluster& cluster,
                    const pv1::HandleErrorParams& params) const override {
    pb::HandleErrorRequest request;
    request.set_op(ErrorOpOf(params.action()));
    request.set_task(params.task_name());
    request.set_binlog_pos(params.binlog_position());
    *request.mutable_sqls() = params.statements();
    *request.mutable_sources() = params.source_ids();
    if (params.binlog_position().empty()) {
      // Another statement than the one that was seen is nobody's decision yet.
      ASSIGN_OR_RETURN(const auto stuck, LookAtStuck(resources(), cluster, params.task_name(), {},
                                                     WithinStep(context, kMendAsk)));
      for (const auto& error : params.errors()) {
        const bool still = std::ranges::any_of(
            stuck.subtasks, [&](const auto& one) { return HasStill(one, error); });
        if (still) request.add_sources(error.source_id());
      }
      if (request.sources().empty()) {
        context.Log(v1::LogLine::LEVEL_INFO, "the task has got past it already");
        return absl::OkStatus();
      }
    }
    RETURN_IF_ERROR(context.CheckClaim());
    const absl::Status handled =
        dm().HandleError(cluster, request, WithinStep(context, kMendChange)).status();
    // Taken back before, if the answer was lost.
    const bool has_none = request.op() == pb::ERROR_OP_REVERT &&
                          Message(handled).find("operator not exist") != std::string::npos;
    if (!has_none) RETURN_IF_ERROR(handled);
    if (has_none) context.Log(v1::LogLine::LEVEL_WARNING, std::string(Message(handled)));
    return absl::OkStatus();
  }
};

// The next error is told, and is nobody's failure.
class AwaitPastStep : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::HandleErrorParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    absl::Time since = absl::InfiniteFuture();
    StuckTask stuck;
    const absl::Status waited = members::PollUntil(
        WithinStep(context, kMendSettling).deadline, [&] { return context.Cancelled(); },
        [&]() -> absl::StatusOr<bool> {
          ASSIGN_OR_RETURN(stuck, LookAtStuck(resources(), record.cluster, params.task_name(), {},
                                              WithinStep(context, kMendAsk)));
          const bool past = std::ranges::all_of(
              params.errors(), [&](const auto& error) { return IsPast(stuck, error); });
          since = past ? std::min(since, SteadyNow()) : absl::InfiniteFuture();
          return SteadyNow() - since >= kMendSettled;
        });
    if (absl::IsDeadlineExceeded(waited) && Reason(waited).empty()) {
      return Error(absl::StatusCode::kDeadlineExceeded, "TASK_NOT_SETTLED",
                   "task {} does not get past the statement", params.task_name())
          .With("task", params.task_name())
          .Remedy("list its errors, and resume the task");
    }
    RETURN_IF_ERROR(waited);
    for (const auto& subtask : stuck.subtasks) {
      if (subtask.stage() != v1::TASK_STAGE_PAUSED || subtask.errors().empty()) continue;
      context.Log(v1::LogLine::LEVEL_WARNING,
                  fmt::format("source {} is paused by an error: {}", subtask.source_id(),
                              migrations::WordsOf(subtask.errors(0))));
    }
    return StepResult{};
  }

 private:
  // It runs, or another error has paused it.
  static bool IsPast(const StuckTask& stuck, const pv1::SeenErrorParams& error) {
    return std::ranges::any_of(stuck.subtasks, [&](const v1::Subtask& one) {
      if (one.source_id() != error.source_id() || HasStill(one, error)) return false;
      return one.stage() == v1::TASK_STAGE_RUNNING || !one.errors().empty();
    });
  }
};

class UnlockStep : public MendRunner<pv1::UnlockParams> {
 public:
  using MendRunner::MendRunner;

 protected:
  absl::Status Tell(StepContext& context, const topology::Cluster& cluster,
                    const pv1::UnlockParams& params) const override {
    ASSIGN_OR_RETURN(const bool is_there, IsThere(context, cluster, params));
    if (!is_there) {
      context.Log(v1::LogLine::LEVEL_INFO, "the lock is resolved already");
      return absl::OkStatus();
    }
    pb::UnlockDDLLockRequest request;
    request.set_id(params.lock_id());
    request.set_replace_owner(params.owner_source_id());
    request.set_force_remove(params.force_remove());
    request.set_op(params.action() == v1::SHARD_LOCK_ACTION_EXECUTE ? pb::UNLOCK_DDL_LOCK_OP_EXEC
                                                                    : pb::UNLOCK_DDL_LOCK_OP_SKIP);
    *request.mutable_sources() = params.source_ids();
    request.set_database(params.database_name());
    request.set_table(params.table_name());
    RETURN_IF_ERROR(context.CheckClaim());
    const absl::Status unlocked = dm().UnlockLock(cluster, request, WithinStep(context, kMendLong));
    // It resolved itself at the last moment.
    if (Reason(unlocked) == "DM_LOCK_MISSING") return absl::OkStatus();
    RETURN_IF_ERROR(unlocked);
    return absl::OkStatus();
  }

 private:
  // The one that was seen, not a later one of its name.
  absl::StatusOr<bool> IsThere(StepContext& context, const topology::Cluster& cluster,
                               const pv1::UnlockParams& params) const {
    ASSIGN_OR_RETURN(const auto listed,
                     dm().ListLocks(cluster, params.task_name(), WithinStep(context, kMendAsk)));
    return std::ranges::any_of(listed.locks(), [&](const pb::DDLLock& lock) {
      return lock.id() == params.lock_id() && IsSame(lock, params);
    });
  }
  static bool IsSame(const pb::DDLLock& lock, const pv1::UnlockParams& params) {
    return std::ranges::equal(
        lock.ddls().begin(),
        lock.ddls().begin() + std::min(lock.ddls_size(), params.statements_size()),
        params.statements().begin(), params.statements().end(),
        [](const std::string& now, const std::string& before) {
          return migrations::CleanText(now, kStatementText) == before;
        });
  }
};

class StructureStep : public MendRunner<pv1::StructureParams> {
 public:
  using MendRunner::MendRunner;

 protected:
  absl::Status Tell(StepContext& context, const topology::Cluster& cluster,
                    const pv1::StructureParams& params) const override {
    pb::OperateSchemaRequest request;
    request.set_op(pb::SCHEMA_OP_GET_SCHEMA);
    request.set_task(params.task_name());
    *request.mutable_sources() = params.source_ids();
    request.set_database(params.database_name());
    request.set_table(params.table_name());
    LogFormer(context, cluster, request);
    const bool sets = !params.statement().empty() || params.from_source() || params.from_target();
    request.set_op(sets ? pb::SCHEMA_OP_SET_SCHEMA : pb::SCHEMA_OP_REMOVE_SCHEMA);
    request.set_schema(params.statement());
    request.set_from_source(params.from_source());
    request.set_from_target(params.from_target());
    request.set_flush(params.flush());
    request.set_sync(params.sync());
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(
        dm().OperateSchema(cluster, request, WithinStep(context, kMendChange)).status());
    return absl::OkStatus();
  }

 private:
  // For who wants it back. A table that DM does not know yet has none.
  void LogFormer(StepContext& context, const topology::Cluster& cluster,
                 const pb::OperateSchemaRequest& request) const {
    constexpr std::size_t kFormer = 4000;
    const auto former = dm().OperateSchema(cluster, request, WithinStep(context, kMendAsk));
    if (!former.ok()) return;
    for (const auto& answer : *former) {
      context.Log(v1::LogLine::LEVEL_INFO,
                  fmt::format("source {} had: {}", answer.source,
                              migrations::CleanText(answer.message, kFormer)));
    }
  }
};

// Base of the steps of validation.
class ValidationRunner : public MendRunner<pv1::ValidationParams> {
 public:
  using MendRunner::MendRunner;

 protected:
  // Those of the step's sources whose validators run, or do not.
  absl::StatusOr<std::vector<std::string>> SourcesThat(StepContext& context,
                                                       const topology::Cluster& cluster,
                                                       const pv1::ValidationParams& params,
                                                       bool run) const {
    ASSIGN_OR_RETURN(const auto status, dm().GetValidationStatus(cluster, params.task_name(),
                                                                 WithinStep(context, kMendAsk)));
    std::set<std::string> running;
    for (const auto& one : status.validators()) {
      if (one.stage() == pb::STAGE_RUNNING) running.insert(one.source());
    }
    std::vector<std::string> sources;
    for (const auto& source : params.source_ids()) {
      if (running.contains(source) == run) sources.push_back(source);
    }
    return sources;
  }
};

class StartValidationStep : public ValidationRunner {
 public:
  using ValidationRunner::ValidationRunner;

 protected:
  absl::Status Tell(StepContext& context, const topology::Cluster& cluster,
                    const pv1::ValidationParams& params) const override {
    ASSIGN_OR_RETURN(const auto sources, SourcesThat(context, cluster, params, /*run=*/false));
    if (sources.empty()) return absl::OkStatus();
    pb::StartValidationRequest request;
    request.set_task_name(params.task_name());
    request.set_mode_value(params.mode());
    if (!params.start_time().empty()) request.set_start_time_value(params.start_time());
    for (const auto& source : sources) request.add_sources(source);
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(
        dm().StartValidation(cluster, request, WithinStep(context, kMendChange)).status());
    return absl::OkStatus();
  }
};

class StopValidationStep : public ValidationRunner {
 public:
  using ValidationRunner::ValidationRunner;

 protected:
  absl::Status Tell(StepContext& context, const topology::Cluster& cluster,
                    const pv1::ValidationParams& params) const override {
    ASSIGN_OR_RETURN(const auto sources, SourcesThat(context, cluster, params, /*run=*/true));
    if (sources.empty()) return absl::OkStatus();
    pb::StopValidationRequest request;
    request.set_task_name(params.task_name());
    for (const auto& source : sources) request.add_sources(source);
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(
        dm().StopValidation(cluster, request, WithinStep(context, kMendChange)).status());
    return absl::OkStatus();
  }
};

// Told twice, it is the same.
class UpdateValidationStep : public MendRunner<pv1::ValidationParams> {
 public:
  using MendRunner::MendRunner;

 protected:
  absl::Status Tell(StepContext& context, const topology::Cluster& cluster,
                    const pv1::ValidationParams& params) const override {
    pb::UpdateValidationRequest request;
    request.set_task_name(params.task_name());
    *request.mutable_sources() = params.source_ids();
    request.set_binlog_pos(params.cutover_binlog_position());
    request.set_binlog_gtid(params.cutover_gtid());
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(
        dm().UpdateValidation(cluster, request, WithinStep(context, kMendChange)).status());
    return absl::OkStatus();
  }
};

// So is this.
class HandleDifferencesStep : public MendRunner<pv1::ValidationParams> {
 public:
  using MendRunner::MendRunner;

 protected:
  absl::Status Tell(StepContext& context, const topology::Cluster& cluster,
                    const pv1::ValidationParams& params) const override {
    pb::OperateValidationErrorRequest request;
    request.set_task_name(params.task_name());
    request.set_op(static_cast<pb::ValidationErrOp>(params.action()));
    request.set_is_all_error(params.all());
    request.set_err_id(params.error_id());
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(
        dm().OperateValidationError(cluster, request, WithinStep(context, kMendChange)));
    return absl::OkStatus();
  }
};

}  // namespace

void RegisterMendRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kHandleError, std::make_unique<HandleErrorStep>(resources));
  registry->Add(kAwaitPast, std::make_unique<AwaitPastStep>(resources));
  registry->Add(kUnlockShards, std::make_unique<UnlockStep>(resources));
  registry->Add(kSetStructure, std::make_unique<StructureStep>(resources));
  registry->Add(kStartValidation, std::make_unique<StartValidationStep>(resources));
  registry->Add(kStopValidation, std::make_unique<StopValidationStep>(resources));
  registry->Add(kUpdateValidation, std::make_unique<UpdateValidationStep>(resources));
  registry->Add(kHandleDifferences, std::make_unique<HandleDifferencesStep>(resources));
}

}  // namespace dmgr::operations

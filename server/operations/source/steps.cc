// The steps of sources. What DM has is looked at before it is believed: an answer may be lost, and
// the step then comes again.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "dmgr/plan/v1/migrations.pb.h"
#include "server/clusters/migration.h"
#include "server/engine/runner.h"
#include "server/members/poll.h"
#include "server/operations/source/plan.h"
#include "server/operations/source/seen.h"
#include "server/operations/source/source.h"
#include "server/operations/steps/migrations.h"
#include "server/operations/steps/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

constexpr absl::Duration kAsk = absl::Seconds(15);
// DM connects to the database, and to the dm-worker.
constexpr absl::Duration kChange = absl::Seconds(70);
constexpr absl::Duration kBinding = absl::Seconds(30);

class SourceRunner : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Minutes(3); }

 protected:
  struct Input {
    pv1::SourceParams params;
    topology::Cluster cluster;
    store::MigrationKey key;
  };
  absl::StatusOr<Input> Load(StepContext& context) const {
    Input input;
    ASSIGN_OR_RETURN(input.params, ParamsOf<pv1::SourceParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    input.cluster = record.cluster;
    input.key = SourceKey(record.cluster.uuid, input.params.source_id());
    return input;
  }

  members::Migrations& dm() const { return resources().members->migrations(); }

  // Its worker; nullopt when DM does not have it.
  absl::StatusOr<std::optional<std::string>> WorkerOf(StepContext& context,
                                                      const Input& input) const {
    ASSIGN_OR_RETURN(const auto sources,
                     dm().ListSources(input.cluster, WithinStep(context, kAsk)));
    for (const auto& source : sources) {
      if (source.source == input.key.name) return std::optional(source.worker);
    }
    return std::nullopt;
  }

  // The configuration of a revision becomes the one in effect.
  absl::StatusOr<StepResult> Record(const store::MigrationKey& key, std::int64_t revision,
                                    const std::string& config) const {
    ASSIGN_OR_RETURN(const auto read, migrations::ReadSource(config));
    store::MigrationRecord record{.key = key};
    record.config.revision = revision;
    record.details_json = SourceDetails(read);
    StepResult result;
    result.commit = [record](store::Transaction& tx) { return store::SetMigration(tx, record); };
    return result;
  }

  // Gives it to DM, unless that has it already.
  absl::Status Create(StepContext& context, const Input& input, const std::string& config,
                      const std::string& worker) const {
    RETURN_IF_ERROR(context.CheckClaim());
    const auto created =
        dm().CreateSource(input.cluster, config, worker, WithinStep(context, kChange));
    if (created.ok()) {
      context.Log(v1::LogLine::LEVEL_INFO,
                  created->worker.empty()
                      ? fmt::format("{} is bound to no dm-worker yet", input.key.name)
                      : fmt::format("{} is bound to {}", input.key.name, created->worker));
      return absl::OkStatus();
    }
    if (Reason(created.status()) != "DM_SOURCE_EXISTS") return created.status();
    ASSIGN_OR_RETURN(const auto read, migrations::ReadSource(config));
    ASSIGN_OR_RETURN(const bool is_ours,
                     IsOurs(resources(), input.cluster, read, WithinStep(context, kAsk)));
    return is_ours ? absl::OkStatus() : created.status();
  }

  // DM has it no more, if it had.
  absl::Status Stop(StepContext& context, const Input& input) const {
    RETURN_IF_ERROR(context.CheckClaim());
    const absl::Status stopped =
        dm().StopSource(input.cluster, input.key.name, WithinStep(context, kChange));
    return Reason(stopped) == "DM_SOURCE_MISSING" ? absl::OkStatus() : stopped;
  }
};

class CreateSourceStep : public SourceRunner {
 public:
  using SourceRunner::SourceRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    const std::int64_t revision = input.params.revision();
    ASSIGN_OR_RETURN(const auto config, clusters::LoadConfig(resources(), input.key, revision));
    RETURN_IF_ERROR(Create(context, input, config, input.params.worker()));
    return Record(input.key, revision, config);
  }
  // One that somebody else has made in the meantime stays.
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    ASSIGN_OR_RETURN(const auto worker, WorkerOf(context, input));
    if (worker.has_value()) {
      ASSIGN_OR_RETURN(const auto config,
                       clusters::LoadConfig(resources(), input.key, input.params.revision()));
      ASSIGN_OR_RETURN(const auto read, migrations::ReadSource(config));
      ASSIGN_OR_RETURN(const bool is_ours,
                       IsOurs(resources(), input.cluster, read, WithinStep(context, kAsk)));
      if (is_ours) RETURN_IF_ERROR(Stop(context, input));
    }
    const std::int64_t former = input.params.former_revision();
    if (former != 0) {
      ASSIGN_OR_RETURN(const auto config, clusters::LoadConfig(resources(), input.key, former));
      return Record(input.key, former, config);
    }
    StepResult result;
    result.commit = [key = input.key](store::Transaction& tx) {
      return store::DropMigration(tx, key);
    };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    ASSIGN_OR_RETURN(const auto worker, WorkerOf(context, input));
    return worker.has_value();
  }
};

class UpdateSourceStep : public SourceRunner {
 public:
  using SourceRunner::SourceRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    return Give(context, input, input.params.revision());
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    return Give(context, input, input.params.former_revision());
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  absl::StatusOr<StepResult> Give(StepContext& context, const Input& input,
                                  std::int64_t revision) const {
    ASSIGN_OR_RETURN(const auto config, clusters::LoadConfig(resources(), input.key, revision));
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(dm().UpdateSource(input.cluster, config, WithinStep(context, kChange)));
    return Record(input.key, revision, config);
  }
};

// What is stored with the operation becomes the one in effect, once DM is seen to have it.
class AdoptSourceStep : public SourceRunner {
 public:
  using SourceRunner::SourceRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    ASSIGN_OR_RETURN(const auto worker, WorkerOf(context, input));
    if (!worker.has_value()) return SourceNotFound(input.cluster.name, input.key.name);
    const std::int64_t revision = input.params.revision();
    ASSIGN_OR_RETURN(auto config, clusters::LoadConfig(resources(), input.key, revision));
    const WipeAtEnd wiped(&config);
    return Record(input.key, revision, config);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    StepResult result;
    result.commit = [key = input.key](store::Transaction& tx) {
      return store::DropMigration(tx, key);
    };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

class StopSourceStep : public SourceRunner {
 public:
  using SourceRunner::SourceRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    RETURN_IF_ERROR(Stop(context, input));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    ASSIGN_OR_RETURN(const auto config,
                     clusters::LoadConfig(resources(), input.key, input.params.former_revision()));
    const absl::Status created = Create(context, input, config, input.params.former_worker());
    // Where it was bound to may have become another source's.
    const std::string reason = Reason(created);
    if (reason == "DM_WORKER_BUSY" || reason == "DM_WORKER_MISSING") {
      RETURN_IF_ERROR(Create(context, input, config, ""));
    } else {
      RETURN_IF_ERROR(created);
    }
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    ASSIGN_OR_RETURN(const auto worker, WorkerOf(context, input));
    return !worker.has_value();
  }
};

class ForgetSourceStep : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::SourceParams>(context));
    StepResult result;
    result.commit = [key = MigrationOf(context, store::MigrationKind::kSource, params.source_id())](
                        store::Transaction& tx) { return store::ForgetMigration(tx, key); };
    return result;
  }
};

class BindSourceStep : public SourceRunner {
 public:
  using SourceRunner::SourceRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    RETURN_IF_ERROR(Bind(context, input, input.params.worker()));
    return StepResult{};
  }
  // One that was bound to none can be bound to any.
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    if (!input.params.former_worker().empty()) {
      RETURN_IF_ERROR(Bind(context, input, input.params.former_worker()));
    }
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const Input input, Load(context));
    ASSIGN_OR_RETURN(const auto bound, WorkerOf(context, input));
    return bound == input.params.worker();
  }

 private:
  absl::Status Bind(StepContext& context, const Input& input, const std::string& worker) const {
    ASSIGN_OR_RETURN(auto bound, WorkerOf(context, input));
    if (bound == worker) return absl::OkStatus();
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(
        dm().BindSource(input.cluster, input.key.name, worker, WithinStep(context, kChange)));
    const absl::Status waited = members::PollUntil(
        WithinStep(context, kBinding).deadline, [&] { return context.Cancelled(); },
        [&]() -> absl::StatusOr<bool> {
          ASSIGN_OR_RETURN(bound, WorkerOf(context, input));
          return bound == worker;
        });
    if (!absl::IsDeadlineExceeded(waited)) return waited;
    return Error(absl::StatusCode::kDeadlineExceeded, "SOURCE_NOT_BOUND",
                 "DM has not bound the source {} to {}, but to {}", input.key.name, worker,
                 bound.value_or("").empty() ? "none" : *bound)
        .With("source", input.key.name)
        .Remedy("see how the dm-workers are, then resume")
        .Next(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", input.cluster.name}})
        .Next(v1::ACTION_RESUME_OPERATION,
              {{"operation_id", context.operation().operation.operation_id()}});
  }
};

}  // namespace

void RegisterSourceRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kCreateSource, std::make_unique<CreateSourceStep>(resources));
  registry->Add(kUpdateSource, std::make_unique<UpdateSourceStep>(resources));
  registry->Add(kStopSource, std::make_unique<StopSourceStep>(resources));
  registry->Add(kForgetSource, std::make_unique<ForgetSourceStep>(resources));
  registry->Add(kBindSource, std::make_unique<BindSourceStep>(resources));
  registry->Add(kAdoptSource, std::make_unique<AdoptSourceStep>(resources));
}

}  // namespace dmgr::operations

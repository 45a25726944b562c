#include "server/operations/source/source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/clusters/migration.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/source/database.h"
#include "server/operations/source/plan.h"
#include "server/operations/source/seen.h"

namespace dmgr::operations {
namespace {

using store::MigrationKind;
using store::MigrationRecord;

constexpr absl::Duration kMembersTime = absl::Seconds(10);

// What a call is about, as it is recorded.
struct Recorded {
  std::optional<MigrationRecord> source;
  std::int64_t next_revision = 0;
  std::vector<MigrationRecord> sources;
  std::vector<MigrationRecord> tasks;
};

absl::StatusOr<Recorded> ReadRecorded(const Resources& resources,
                                      const store::ClusterRecord& record,
                                      const std::string& source) {
  Recorded recorded;
  const auto key = SourceKey(record.cluster.uuid, source);
  const std::string& cluster = record.cluster.name;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(recorded.source, store::FindMigration(tx, key));
    ASSIGN_OR_RETURN(recorded.next_revision, store::NextRevision(tx, key));
    ASSIGN_OR_RETURN(recorded.sources, store::ListMigrations(tx, {.kind = MigrationKind::kSource,
                                                                  .cluster_name = cluster}));
    ASSIGN_OR_RETURN(recorded.tasks, store::ListMigrations(tx, {.kind = MigrationKind::kTask,
                                                                .cluster_name = cluster}));
    return absl::OkStatus();
  }));
  return recorded;
}

absl::Status Refused(absl::StatusCode code, const char* reason, const std::string& source,
                     const std::string& why, const std::string& remedy) {
  // The reasons are in the calls below.
  return Error(code, reason, "source {} {}", source, why).With("source", source).Remedy(remedy);
}

absl::Status Taken(const std::string& source, const std::string& other,
                   const std::string& database) {
  return Error(absl::StatusCode::kAlreadyExists, "DATABASE_TAKEN",
               "source {} is of the database {}, which the source {} is of already", source,
               database, other)
      .With("source", other)
      .Remedy("take that source, or correct host and port");
}

// Another source of the same database, of those that are recorded, and of DM's others.
absl::Status CheckDatabaseFree(const Resources& resources, const Subject& subject,
                               const Recorded& recorded, const SeenSources& seen,
                               const migrations::SourceConfig& config) {
  const std::string database = DatabaseOf(config);
  for (const auto& other : recorded.sources) {
    if (other.key.name == config.source_id) continue;
    if (DatabaseOf(other.details_json) == database) {
      return Taken(config.source_id, other.key.name, database);
    }
  }
  for (const auto& there : seen.sources) {
    const bool is_known = std::ranges::any_of(
        recorded.sources, [&](const auto& one) { return one.key.name == there.source; });
    if (is_known || there.source == config.source_id) continue;
    migrations::SourceConfig other = config;
    other.source_id = there.source;
    ASSIGN_OR_RETURN(const bool is_same, IsOurs(resources, subject.record.cluster, other,
                                                {.deadline = SteadyNow() + kMembersTime}));
    if (is_same) return Taken(config.source_id, there.source, database);
  }
  return absl::OkStatus();
}

// A dm-worker that a source can be bound to.
absl::Status CheckWorker(const Resources& resources, const topology::Cluster& cluster,
                         const std::string& worker) {
  ASSIGN_OR_RETURN(const auto members,
                   resources.members->GetMembers(cluster, SteadyNow() + kMembersTime, {}));
  const auto* found = members.FindWorker(worker);
  if (found != nullptr && found->stage == "free") return absl::OkStatus();
  std::vector<std::string> free;
  for (const auto& one : members.workers) {
    if (one.stage == "free") free.push_back(one.name);
  }
  const std::string state = found == nullptr ? "is none that DM has"
                            : found->source.empty()
                                ? fmt::format("is {}", found->stage)
                                : fmt::format("has the source {}", found->source);
  return Error(absl::StatusCode::kFailedPrecondition, "WORKER_NOT_FREE",
               "dm-worker {} cannot take a source: it {}; {}", worker, state,
               free.empty() ? "none is free" : fmt::format("free: {}", fmt::join(free, ", ")))
      .With("instance", worker)
      .Remedy(free.empty() ? "add a dm-worker" : "take one that is free");
}

absl::Status CheckNoTasks(const Recorded& recorded, const SeenSources& seen,
                          const std::string& source, bool also_stopped) {
  auto tasks = seen.TasksOf(source);
  if (also_stopped) {
    for (auto& name : RecordedTasksOf(recorded.tasks, source)) {
      if (std::ranges::find(tasks, name) == tasks.end()) tasks.push_back(std::move(name));
    }
  }
  if (tasks.empty()) return absl::OkStatus();
  return Refused(absl::StatusCode::kFailedPrecondition, "SOURCE_IN_USE", source,
                 fmt::format("is used by {}", fmt::join(tasks, ", ")),
                 also_stopped ? "delete these tasks first" : "stop these tasks first");
}

absl::Status CheckManaged(const Subject& subject, const Recorded& recorded, const SeenSources& seen,
                          const std::string& source) {
  if (recorded.source.has_value()) return absl::OkStatus();
  if (seen.Find(source) == nullptr) return SourceNotFound(subject.record.cluster.name, source);
  return Refused(absl::StatusCode::kFailedPrecondition, "SOURCE_FOREIGN", source,
                 "was not made by dmgr, which does not have its password",
                 "change it by what has made it");
}

absl::Status CheckUpdatable(const SeenSources& seen, const std::string& source) {
  if (seen.Find(source) == nullptr) {
    return Refused(absl::StatusCode::kFailedPrecondition, "SOURCE_MISSING", source,
                   "is not there in DM any more", "create it again: that brings it back");
  }
  const auto* status = seen.StatusOf(source);
  if (status != nullptr && status->source_status().has_relay_status()) {
    return Refused(absl::StatusCode::kFailedPrecondition, "RELAY_RUNS", source,
                   "has a relay log, with which DM does not change it",
                   "stop its relay log, and start it again afterwards");
  }
  return absl::OkStatus();
}

// Secrets are filled in from the configuration that there is, if there is one.
absl::StatusOr<std::string> Filled(const Resources& resources, const Recorded& recorded,
                                   const std::string& yaml) {
  std::string older;
  if (recorded.source.has_value() && !recorded.source->config.sealed_config.empty()) {
    ASSIGN_OR_RETURN(
        older, clusters::OpenMigration(resources, recorded.source->key, recorded.source->config));
  }
  return migrations::FillHidden(yaml, older);
}

// What a call finds out before it plans.
struct Found {
  migrations::SourceConfig config;
  Recorded recorded;
  SeenSources seen;
  store::MigrationKey key;
  store::MigrationRevision revision;
  // Of its database.
  databases::Checks warnings;

  // Of a source that is recorded or there.
  pv1::SourceParams Params(const std::string& source) const {
    pv1::SourceParams params;
    params.set_source_id(source);
    params.set_revision(revision.revision);
    if (recorded.source.has_value()) {
      params.set_former_revision(recorded.source->config.revision);
    }
    const auto* there = seen.Find(source);
    if (there != nullptr) params.set_former_worker(there->worker);
    return params;
  }
};

absl::Status Look(const Resources& resources, const Subject& subject, const std::string& source,
                  Found* found) {
  ASSIGN_OR_RETURN(found->recorded, ReadRecorded(resources, subject.record, source));
  ASSIGN_OR_RETURN(found->seen, LookAtSources(resources, subject.record.cluster));
  found->key = SourceKey(subject.record.cluster.uuid, source);
  return absl::OkStatus();
}

// What is to be recorded, once its database was asked; the last look, as it takes the longest.
absl::Status Seal(const Resources& resources, const std::string& yaml, bool skip_checks,
                  const Caller& caller, Found* found) {
  ASSIGN_OR_RETURN(auto filled, Filled(resources, found->recorded, yaml));
  const WipeAtEnd wiped(&filled);
  if (!skip_checks) {
    ASSIGN_OR_RETURN(found->warnings, RequireSourceReady(found->config.source_id, filled));
  }
  found->revision = clusters::SealMigration(resources, found->key, found->recorded.next_revision,
                                            filled, caller.user);
  return absl::OkStatus();
}

// Whether DM takes another configuration of a source that is managed.
absl::Status CheckTakesAnother(const Resources& resources, const Subject& subject,
                               const Found& found) {
  const std::string& source = found.config.source_id;
  RETURN_IF_ERROR(CheckUpdatable(found.seen, source));
  RETURN_IF_ERROR(CheckNoTasks(found.recorded, found.seen, source, /*also_stopped=*/false));
  return CheckDatabaseFree(resources, subject, found.recorded, found.seen, found.config);
}

// Of what gives DM the configuration that was found.
ChangeRules RulesOfUpdate(Found* found) {
  ChangeRules rules;
  rules.of_foreign = true;
  rules.plan = [found](const Subject& subject) {
    return PlanUpdateSource(subject.record.cluster, found->Params(found->config.source_id));
  };
  rules.store = [found](store::Transaction& tx) {
    return store::InsertRevision(tx, found->key, found->revision);
  };
  return rules;
}

// Makes the operation, and tells what was found.
template <typename Response, typename Request>
absl::StatusOr<Response> ChangeSource(const Resources& resources, const Request& request,
                                      const Caller& caller, const ChangeRules& rules,
                                      const Found& found) {
  Response response;
  ASSIGN_OR_RETURN(*response.mutable_operation(), Change(resources, request, caller, rules));
  *response.mutable_warnings() = {found.warnings.begin(), found.warnings.end()};
  return response;
}

}  // namespace

absl::StatusOr<v1::CreateSourceResponse> CreateSource(const Resources& resources,
                                                      const v1::CreateSourceRequest& request,
                                                      const Caller& caller) {
  Found found;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(found.config, migrations::ReadSource(request.config_yaml()));
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const std::string& source = found.config.source_id;
    RETURN_IF_ERROR(Look(resources, subject, source, &found));
    if (found.seen.Find(source) != nullptr) {
      return Refused(absl::StatusCode::kAlreadyExists, "SOURCE_EXISTS", source,
                     "is there in DM already", "change that one, or take another source-id");
    }
    RETURN_IF_ERROR(
        CheckDatabaseFree(resources, subject, found.recorded, found.seen, found.config));
    if (!request.worker_name().empty()) {
      RETURN_IF_ERROR(CheckWorker(resources, subject.record.cluster, request.worker_name()));
    }
    return Seal(resources, request.config_yaml(), request.skip_checks(), caller, &found);
  };
  rules.plan = [&](const Subject& subject) {
    auto params = found.Params(found.config.source_id);
    params.set_worker(request.worker_name());
    return PlanCreateSource(subject.record.cluster, params);
  };
  rules.store = [&](store::Transaction& tx) {
    return store::InsertRevision(tx, found.key, found.revision);
  };
  return ChangeSource<v1::CreateSourceResponse>(resources, request, caller, rules, found);
}

absl::StatusOr<v1::UpdateSourceResponse> UpdateSource(const Resources& resources,
                                                      const v1::UpdateSourceRequest& request,
                                                      const Caller& caller) {
  Found found;
  ChangeRules rules = RulesOfUpdate(&found);
  rules.require = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(found.config, migrations::ReadSource(request.config_yaml()));
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const std::string& source = found.config.source_id;
    RETURN_IF_ERROR(Look(resources, subject, source, &found));
    RETURN_IF_ERROR(CheckManaged(subject, found.recorded, found.seen, source));
    const std::int64_t present = found.recorded.source->config.revision;
    if (request.revision() != 0 && request.revision() != present) {
      return Refused(absl::StatusCode::kAborted, "MIGRATION_CHANGED", source,
                     fmt::format("was changed since it was read: it is of revision {}, not {}",
                                 present, request.revision()),
                     "read it again, and make the change there");
    }
    RETURN_IF_ERROR(CheckTakesAnother(resources, subject, found));
    return Seal(resources, request.config_yaml(), request.skip_checks(), caller, &found);
  };
  return ChangeSource<v1::UpdateSourceResponse>(resources, request, caller, rules, found);
}

absl::StatusOr<v1::RollbackSourceResponse> RollbackSource(const Resources& resources,
                                                          const v1::RollbackSourceRequest& request,
                                                          const Caller& caller) {
  const std::string& source = request.source_id();
  Found found;
  ChangeRules rules = RulesOfUpdate(&found);
  rules.require = [](const Subject& subject) { return RequireUp(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(Look(resources, subject, source, &found));
    RETURN_IF_ERROR(CheckManaged(subject, found.recorded, found.seen, source));
    ASSIGN_OR_RETURN(auto yaml, clusters::LoadConfig(resources, found.key, request.revision()));
    const WipeAtEnd wiped(&yaml);
    if (found.recorded.source->config.revision == request.revision()) {
      return Refused(absl::StatusCode::kFailedPrecondition, "REVISION_IN_EFFECT", source,
                     fmt::format("has the configuration of revision {}", request.revision()),
                     "name another revision");
    }
    ASSIGN_OR_RETURN(found.config, migrations::ReadSource(yaml));
    RETURN_IF_ERROR(CheckTakesAnother(resources, subject, found));
    return Seal(resources, yaml, request.skip_checks(), caller, &found);
  };
  return ChangeSource<v1::RollbackSourceResponse>(resources, request, caller, rules, found);
}

absl::StatusOr<v1::Operation> DeleteSource(const Resources& resources,
                                           const v1::DeleteSourceRequest& request,
                                           const Caller& caller) {
  const std::string& source = request.source_id();
  Found found;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [](const Subject& subject) { return RequireUp(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(Look(resources, subject, source, &found));
    RETURN_IF_ERROR(CheckManaged(subject, found.recorded, found.seen, source));
    return CheckNoTasks(found.recorded, found.seen, source, /*also_stopped=*/true);
  };
  rules.plan = [&](const Subject& subject) {
    return PlanDeleteSource(subject.record.cluster, found.Params(source));
  };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::Operation> TransferSource(const Resources& resources,
                                             const v1::TransferSourceRequest& request,
                                             const Caller& caller) {
  const std::string& source = request.source_id();
  Found found;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [](const Subject& subject) { return RequireUp(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(Look(resources, subject, source, &found));
    const auto* there = found.seen.Find(source);
    if (there == nullptr && !found.recorded.source.has_value()) {
      return SourceNotFound(subject.record.cluster.name, source);
    }
    if (there == nullptr) return CheckUpdatable(found.seen, source);
    if (there->worker == request.worker_name()) return absl::OkStatus();
    return CheckWorker(resources, subject.record.cluster, request.worker_name());
  };
  rules.plan = [&](const Subject& subject) {
    auto params = found.Params(source);
    params.set_worker(request.worker_name());
    return PlanTransferSource(subject.record.cluster, params);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations

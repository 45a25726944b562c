// Sources as they are shown: what is recorded, and what DM says.
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/utf8.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/operations/source/seen.h"
#include "server/operations/source/source.h"

namespace dmgr::operations {
namespace {

constexpr std::size_t kShownError = 2000;

// In the words of DM.
std::string StageWord(pb::Stage stage) {
  switch (stage) {
    case pb::STAGE_NEW:
      return "New";
    case pb::STAGE_RUNNING:
      return "Running";
    case pb::STAGE_PAUSED:
      return "Paused";
    case pb::STAGE_STOPPED:
      return "Stopped";
    case pb::STAGE_FINISHED:
      return "Finished";
    case pb::STAGE_PAUSING:
      return "Pausing";
    case pb::STAGE_RESUMING:
      return "Resuming";
    case pb::STAGE_STOPPING:
      return "Stopping";
    default:
      return "";
  }
}

// A configuration that was given up with its key is shown as none.
absl::Status AddRecorded(const Resources& resources, const store::MigrationRecord& record,
                         v1::Source* source) {
  if (!record.config.sealed_config.empty()) {
    ASSIGN_OR_RETURN(const auto config,
                     clusters::OpenMigration(resources, record.key, record.config));
    source->set_config_yaml(migrations::HideSecrets(config));
  }
  source->set_revision(record.config.revision);
  source->mutable_create_time()->set_seconds(absl::ToUnixSeconds(record.config.create_time));
  source->set_user_name(record.config.user_name);
  return absl::OkStatus();
}

void AddRelay(const pb::RelayStatus& relay, v1::SourceRelay* shown) {
  shown->set_stage(StageWord(relay.stage()));
  shown->set_source_binlog(relay.master_binlog());
  shown->set_relay_binlog(relay.relay_binlog());
  shown->set_caught_up(relay.relay_catch_up_master());
  for (const auto& error : relay.result().errors()) {
    const std::string cause = error.raw_cause().empty() ? "" : ": " + error.raw_cause();
    shown->add_errors(OneLine(error.message() + cause, kShownError));
  }
}

void AddSeen(const SeenSources& seen, v1::Source* source) {
  const auto* there = seen.Find(source->source_id());
  source->set_missing(there == nullptr);
  if (there == nullptr) return;
  source->set_foreign(source->revision() == 0);
  source->set_worker_name(there->worker);
  for (auto& task : seen.TasksOf(source->source_id())) source->add_task_names(std::move(task));
  const auto* status = seen.StatusOf(source->source_id());
  if (status != nullptr && status->source_status().has_relay_status()) {
    AddRelay(status->source_status().relay_status(), source->mutable_relay());
  }
}

}  // namespace

absl::StatusOr<std::vector<v1::Source>> ListSources(const Resources& resources,
                                                    const std::string& cluster,
                                                    const SourcePage& page) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  std::map<std::string, const store::MigrationRecord*> ids;
  std::vector<store::MigrationRecord> records;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(records, store::ListMigrations(tx, {.kind = store::MigrationKind::kSource,
                                                         .cluster_name = cluster}));
    return absl::OkStatus();
  }));
  SeenSources seen;
  if (!page.recorded_only) {
    ASSIGN_OR_RETURN(seen, LookAtSources(resources, record.cluster, page.patience));
  }
  for (const auto& there : seen.sources) ids.emplace(there.source, nullptr);
  for (const auto& one : records) ids[one.key.name] = &one;
  std::vector<v1::Source> sources;
  for (auto id = ids.upper_bound(page.after); id != ids.end() && sources.size() < page.limit;
       ++id) {
    v1::Source source;
    source.set_cluster_name(cluster);
    source.set_source_id(id->first);
    if (id->second != nullptr) RETURN_IF_ERROR(AddRecorded(resources, *id->second, &source));
    if (!page.recorded_only) AddSeen(seen, &source);
    sources.push_back(std::move(source));
  }
  return sources;
}

absl::StatusOr<v1::Source> GetSource(const Resources& resources, const std::string& cluster,
                                     const std::string& source) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  std::optional<store::MigrationRecord> recorded;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(recorded, store::FindMigration(tx, SourceKey(record.cluster.uuid, source)));
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(const auto seen, LookAtSources(resources, record.cluster));
  if (!recorded.has_value() && seen.Find(source) == nullptr) {
    return SourceNotFound(cluster, source);
  }
  v1::Source shown;
  shown.set_cluster_name(cluster);
  shown.set_source_id(source);
  if (recorded.has_value()) RETURN_IF_ERROR(AddRecorded(resources, *recorded, &shown));
  AddSeen(seen, &shown);
  return shown;
}

}  // namespace dmgr::operations

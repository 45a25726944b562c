#include "server/operations/source/seen.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/address.h"
#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "common/untrusted_json.h"
#include "server/dm/keys.h"

namespace dmgr::operations {
const dm::SourceAnswer* SeenSources::Find(const std::string& source) const {
  const auto found = std::ranges::find(sources, source, &dm::SourceAnswer::source);
  return found == sources.end() ? nullptr : &*found;
}

const pb::QueryStatusResponse* SeenSources::StatusOf(const std::string& source) const {
  for (const auto& one : status.sources()) {
    if (one.source_status().source() == source) return &one;
  }
  return nullptr;
}

std::vector<std::string> SeenSources::TasksOf(const std::string& source) const {
  std::vector<std::string> names;
  const auto* seen = StatusOf(source);
  if (seen == nullptr) return names;
  for (const auto& subtask : seen->sub_task_status()) names.push_back(subtask.name());
  std::ranges::sort(names);
  return names;
}

absl::StatusOr<SeenSources> LookAtSources(const Resources& resources,
                                          const topology::Cluster& cluster,
                                          absl::Duration patience) {
  auto& dm = resources.members->migrations();
  const dm::Within within{.deadline = SteadyNow() + patience};
  SeenSources seen;
  ASSIGN_OR_RETURN(seen.sources, dm.ListSources(cluster, within));
  if (seen.sources.empty()) return seen;
  ASSIGN_OR_RETURN(seen.status, dm.QueryStatus(cluster, "", within));
  return seen;
}

store::MigrationKey SourceKey(const std::string& cluster_uuid, const std::string& source) {
  return {.cluster_uuid = cluster_uuid, .kind = store::MigrationKind::kSource, .name = source};
}

absl::Status SourceNotFound(const std::string& cluster, const std::string& source) {
  return Error(absl::StatusCode::kNotFound, "SOURCE_NOT_FOUND", "cluster {} has no source {}",
               cluster, source)
      .With("cluster", cluster)
      .With("source", source)
      .Remedy("look which sources it has");
}

std::string SourceDetails(const migrations::SourceConfig& config) {
  return nlohmann::json{{"host", config.host}, {"port", config.port}, {"user", config.user}}.dump();
}

std::string DatabaseOf(const std::string& details_json) {
  const auto details = ParseUntrustedJson(details_json);
  if (!details.has_value() || !details->is_object()) return "";
  migrations::SourceConfig config;
  if (details->contains("host") && (*details)["host"].is_string()) {
    config.host = (*details)["host"].get<std::string>();
  }
  if (details->contains("port") && (*details)["port"].is_number_integer()) {
    config.port = (*details)["port"].get<int>();
  }
  return DatabaseOf(config);
}

std::string DatabaseOf(const migrations::SourceConfig& config) {
  return JoinHostPort(config.host, config.port);
}

std::vector<std::string> RecordedTasksOf(const std::vector<store::MigrationRecord>& tasks,
                                         const std::string& source) {
  std::vector<std::string> names;
  for (const auto& task : tasks) {
    const auto details = ParseUntrustedJson(task.details_json, kListLimits);
    if (!details.has_value() || !details->is_object() || !details->contains("sources")) continue;
    const auto& sources = (*details)["sources"];
    const bool names_it =
        sources.is_array() &&
        std::any_of(sources.begin(), sources.end(), [&](const auto& one) { return one == source; });
    if (names_it) names.push_back(task.key.name);
  }
  return names;
}

absl::StatusOr<std::optional<KeptSource>> LookAtKept(const Resources& resources,
                                                     const topology::Cluster& cluster,
                                                     const std::string& source,
                                                     const dm::Within& within) {
  ASSIGN_OR_RETURN(auto copy, resources.members->migrations().CopyKeys(cluster, within));
  const std::string key = dm::KeyOf(dm::keys::kSource, {source});
  std::optional<std::string> toml;
  KeptSource kept;
  for (auto& one : *copy.mutable_keys()) {
    if (one.key() == key) toml = one.value();
    const auto worker = dm::NamesIn(one.key(), dm::keys::kRelayWorker);
    if (worker.has_value() && one.value() == source) kept.relay_workers.push_back(worker->front());
    Wipe(one.mutable_value());
  }
  if (!toml.has_value()) return std::nullopt;
  const WipeAtEnd wiped(&*toml);
  ASSIGN_OR_RETURN(kept.config, migrations::SourceOfKey(*toml));
  return kept;
}

absl::StatusOr<std::vector<std::string>> OtherwiseInRelay(const Resources& resources,
                                                          const topology::Cluster& cluster,
                                                          const std::string& source,
                                                          const std::vector<std::string>& workers,
                                                          bool enabled, const dm::Within& within) {
  ASSIGN_OR_RETURN(auto kept, LookAtKept(resources, cluster, source, within));
  if (!kept.has_value()) return SourceNotFound(cluster.name, source);
  const WipeAtEnd wiped(&kept->config);
  std::vector<std::string> otherwise;
  if (workers.empty()) {
    ASSIGN_OR_RETURN(const auto config, migrations::ReadKnownSource(kept->config));
    if (config.enables_relay != enabled) otherwise.emplace_back();
    return otherwise;
  }
  for (const auto& worker : workers) {
    const bool has = std::ranges::find(kept->relay_workers, topology::DmNameOf(worker)) !=
                     kept->relay_workers.end();
    if (has != enabled) otherwise.push_back(worker);
  }
  return otherwise;
}

absl::StatusOr<bool> IsOurs(const Resources& resources, const topology::Cluster& cluster,
                            const migrations::SourceConfig& config, const dm::Within& within) {
  ASSIGN_OR_RETURN(const std::string yaml,
                   resources.members->migrations().GetConfig(cluster, pb::CFG_TYPE_SOURCE,
                                                             config.source_id, within));
  const auto there = migrations::ReadKnownSource(yaml);
  return there.ok() && DatabaseOf(*there) == DatabaseOf(config);
}

}  // namespace dmgr::operations

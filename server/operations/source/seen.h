// Sources as DM has them, and as they are recorded.
#ifndef DMGR_SERVER_OPERATIONS_SOURCE_SEEN_H_
#define DMGR_SERVER_OPERATIONS_SOURCE_SEEN_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/dm/master_client.h"
#include "server/migrations/config.h"
#include "server/operations/source/source.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/migration_store.h"

namespace dmgr::operations {

// What DM says.
struct SeenSources {
  dm::SourceAnswers sources;
  pb::QueryStatusListResponse status;

  // nullptr when DM does not have it.
  const dm::SourceAnswer* Find(const std::string& source) const;
  // nullptr when there is no status of it.
  const pb::QueryStatusResponse* StatusOf(const std::string& source) const;
  // Tasks with a subtask of it, by name.
  std::vector<std::string> TasksOf(const std::string& source) const;
};
absl::StatusOr<SeenSources> LookAtSources(const Resources& resources,
                                          const topology::Cluster& cluster,
                                          absl::Duration patience = kSourcesTime);

store::MigrationKey SourceKey(const std::string& cluster_uuid, const std::string& source);

// NOT_FOUND.
absl::Status SourceNotFound(const std::string& cluster, const std::string& source);

// What of a source's configuration is recorded beside it.
std::string SourceDetails(const migrations::SourceConfig& config);
// "host:port" of recorded details.
std::string DatabaseOf(const std::string& details_json);
std::string DatabaseOf(const migrations::SourceConfig& config);

// Names of the recorded tasks whose details name the source.
std::vector<std::string> RecordedTasksOf(const std::vector<store::MigrationRecord>& tasks,
                                         const std::string& source);

// What the dm-masters keep of a source.
struct KeptSource {
  // As YAML, with its password: wiped by whoever has got it.
  std::string config;
  // The dm-workers, as DM names them, that were told by name to keep a relay log.
  std::vector<std::string> relay_workers;
};
// nullopt when they have none of this id.
absl::StatusOr<std::optional<KeptSource>> LookAtKept(const Resources& resources,
                                                     const topology::Cluster& cluster,
                                                     const std::string& source,
                                                     const dm::Within& within);
// Of some dm-workers those whose relay log is not as asked; of none, whether that of the one that
// the source is bound to is: one empty name then, or nothing.
absl::StatusOr<std::vector<std::string>> OtherwiseInRelay(const Resources& resources,
                                                          const topology::Cluster& cluster,
                                                          const std::string& source,
                                                          const std::vector<std::string>& workers,
                                                          bool enabled, const dm::Within& within);

// Whether what DM has of this id is of the same database as a configuration.
absl::StatusOr<bool> IsOurs(const Resources& resources, const topology::Cluster& cluster,
                            const migrations::SourceConfig& config, const dm::Within& within);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SOURCE_SEEN_H_

// Configurations of what a cluster migrates: sealed for their place, and opened.
#ifndef DMGR_SERVER_CLUSTERS_MIGRATION_H_
#define DMGR_SERVER_CLUSTERS_MIGRATION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/target_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/migration_store.h"

namespace dmgr::clusters {

// Context under which a configuration is sealed: it opens nowhere else. owner: as in SealedRow.
std::string MigrationContext(const std::string& owner);

// A revision to be stored. config: the YAML of a source or task, a serialised v1::Target of a
// target.
store::MigrationRevision SealMigration(const Resources& resources, const store::MigrationKey& key,
                                       std::int64_t revision, const std::string& config,
                                       const std::string& user_name);
// FAILED_PRECONDITION, SECRETS_FORGOTTEN, when it was given up with its key.
absl::StatusOr<std::string> OpenMigration(const Resources& resources,
                                          const store::MigrationKey& key,
                                          const store::MigrationRevision& revision);

// The configuration of one revision, opened.
absl::StatusOr<std::string> LoadConfig(const Resources& resources, const store::MigrationKey& key,
                                       std::int64_t revision);

// The configuration that a request means, with its secrets: its YAML, with the recorded ones where
// it hides them; else the recorded one, nullopt when there is none. Wipe it.
absl::StatusOr<std::optional<std::string>> MeantConfig(const Resources& resources,
                                                       const store::MigrationKey& key,
                                                       const std::string& yaml);

// What a target is as a revision, with its password and key. Errors as of OpenMigration; DATA_LOSS,
// MIGRATION_UNREADABLE.
absl::StatusOr<v1::Target> OpenTarget(const Resources& resources, const store::MigrationKey& key,
                                      const store::MigrationRevision& revision);
// A target with its password and key; NOT_FOUND, TARGET_NOT_FOUND.
absl::StatusOr<v1::Target> LoadTarget(const Resources& resources, const std::string& cluster_uuid,
                                      const std::string& name);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_MIGRATION_H_

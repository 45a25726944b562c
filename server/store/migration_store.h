// Tables "migration_object" and "migration_revision": sources, targets and tasks of clusters, and
// the configurations that they have had.
//
// A call stores a new configuration as a revision, with its operation; the step that has made it
// true sets the object, in its commit. So no plan holds a secret, only a number.
#ifndef DMGR_SERVER_STORE_MIGRATION_STORE_H_
#define DMGR_SERVER_STORE_MIGRATION_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/database.h"
#include "server/store/seen_clusters.h"

namespace dmgr::store {

enum class MigrationKind { kSource, kTarget, kTask };
// "source", "target", "task".
const char* NameOf(MigrationKind kind);

struct MigrationKey {
  std::string cluster_uuid{};
  MigrationKind kind = MigrationKind::kSource;
  std::string name{};
};

// What a task was last brought to.
enum class Wanted { kNone, kRunning, kPaused, kStopped };

// A configuration. Revisions count from 1, with gaps where one never came to be.
struct MigrationRevision {
  std::int64_t revision = 0;
  // Empty: given up with its key.
  std::string sealed_config{};
  std::string user_name{};
  absl::Time create_time = absl::InfinitePast();
};

struct MigrationRecord {
  MigrationKey key{};
  // As the cluster is called now. Not written.
  std::string cluster_name{};
  // The configuration in effect; of what is written only its number counts.
  MigrationRevision config{};
  // Of a task, and of nothing else.
  Wanted wanted = Wanted::kNone;
  // That a task names; empty: none.
  std::string target_name{};
  // A JSON object: what of the configuration is no secret. Of a source "host", "port" and "user";
  // of a task "sources", a list; of a target dmgr.v1.Target.
  std::string details_json = "{}";
};

// How many configurations are kept of each, beside the one in effect.
inline constexpr int kKeptRevisions = 50;

// nullopt: dmgr has no such one, or it never came to be.
absl::StatusOr<std::optional<MigrationRecord>> FindMigration(Transaction& tx,
                                                             const MigrationKey& key);

struct MigrationFilter {
  MigrationKind kind = MigrationKind::kSource;
  // Empty: of all clusters that are seen.
  std::string cluster_name{};
  SeenClusters seen{};
  // Name of the cluster and of the object that come before the first one.
  std::pair<std::string, std::string> after{};
  // 0: all.
  int limit = 0;
  // config.sealed_config stays empty.
  bool without_config = false;
};
// By the names of cluster and object.
absl::StatusOr<std::vector<MigrationRecord>> ListMigrations(Transaction& tx,
                                                            const MigrationFilter& filter);

// Names of the tasks that name this target.
absl::StatusOr<std::vector<std::string>> ListTasksOfTarget(Transaction& tx,
                                                           const std::string& cluster_uuid,
                                                           const std::string& target);

// The number that the next configuration gets, which is to be sealed for it.
absl::StatusOr<std::int64_t> NextRevision(Transaction& tx, const MigrationKey& key);
// Keeps a configuration, and drops old ones. ABORTED, MIGRATION_CHANGED, when another one has the
// number. create_time is the database's.
absl::Status InsertRevision(Transaction& tx, const MigrationKey& key,
                            const MigrationRevision& revision);
// NOT_FOUND, REVISION_NOT_FOUND.
absl::StatusOr<MigrationRevision> GetRevision(Transaction& tx, const MigrationKey& key,
                                              std::int64_t revision);
// Newest first.
absl::StatusOr<std::vector<MigrationRevision>> ListRevisions(Transaction& tx,
                                                             const MigrationKey& key);
// The operations that have brought them, by number; none of those that are not kept any more.
absl::StatusOr<std::map<std::int64_t, std::string>> ListRevisionOperations(Transaction& tx,
                                                                           const MigrationKey& key);
// Forgets one that is not in effect; nothing when there is none.
absl::Status DropRevision(Transaction& tx, const MigrationKey& key, std::int64_t revision);

// Makes record.config.revision the one in effect, of an object that may be new.
// FAILED_PRECONDITION, TARGET_GONE, when the target that it names is gone.
absl::Status SetMigration(Transaction& tx, const MigrationRecord& record);
// Of a task that there is.
absl::Status SetWanted(Transaction& tx, const MigrationKey& key, Wanted wanted);
// Forgets it, its revisions stay. FAILED_PRECONDITION, TARGET_IN_USE, when a task names it.
absl::Status DropMigration(Transaction& tx, const MigrationKey& key);
// The same with all revisions.
absl::Status ForgetMigration(Transaction& tx, const MigrationKey& key);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_MIGRATION_STORE_H_

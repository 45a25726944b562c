// Configurations that a source, target or task has had.
#ifndef DMGR_SERVER_CLUSTERS_REVISIONS_H_
#define DMGR_SERVER_CLUSTERS_REVISIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/resources/resources.h"
#include "server/store/migration_store.h"

namespace dmgr::clusters {

struct KeptRevision {
  store::MigrationRevision stored{};
  // It is the one in effect.
  bool is_current = false;
  // The operation that has brought it; empty: none, or it is not kept any more.
  std::string operation_id{};
};

// Newest first; empty: dmgr has no such one.
absl::StatusOr<std::vector<KeptRevision>> ListKeptRevisions(const Resources& resources,
                                                            const store::MigrationKey& key);
// revision 0: the one in effect. nullopt: dmgr has no such one. NOT_FOUND, REVISION_NOT_FOUND.
absl::StatusOr<std::optional<KeptRevision>> FindKeptRevision(const Resources& resources,
                                                             const store::MigrationKey& key,
                                                             std::int64_t revision);
// The YAML of a source's or task's revision, its secrets hidden; empty: it was given up with its
// key.
absl::StatusOr<std::string> ShownConfig(const Resources& resources, const store::MigrationKey& key,
                                        const store::MigrationRevision& revision);

// As the API has it, but for the configuration.
template <typename Shown>
Shown ShownRevision(const KeptRevision& kept) {
  Shown shown;
  shown.set_revision(kept.stored.revision);
  shown.set_current(kept.is_current);
  shown.mutable_create_time()->set_seconds(absl::ToUnixSeconds(kept.stored.create_time));
  shown.set_user_name(kept.stored.user_name);
  if constexpr (requires { shown.operation_id(); }) shown.set_operation_id(kept.operation_id);
  return shown;
}

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_REVISIONS_H_

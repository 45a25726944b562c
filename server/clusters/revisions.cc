#include "server/clusters/revisions.h"

#include <map>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "server/clusters/migration.h"
#include "server/migrations/config.h"

namespace dmgr::clusters {
namespace {

// Of one object, read at once.
class RevisionReader {
 public:
  // nullopt: dmgr has no such one.
  static absl::StatusOr<std::optional<RevisionReader>> Open(store::Transaction& tx,
                                                            const store::MigrationKey& key) {
    ASSIGN_OR_RETURN(const auto record, store::FindMigration(tx, key));
    if (!record.has_value()) return std::nullopt;
    RevisionReader reader;
    reader.current_ = record->config.revision;
    ASSIGN_OR_RETURN(reader.operations_, store::ListRevisionOperations(tx, key));
    return reader;
  }
  std::int64_t current() const { return current_; }
  KeptRevision Keep(store::MigrationRevision stored) const {
    const auto operation = operations_.find(stored.revision);
    KeptRevision kept{.is_current = stored.revision == current_};
    if (operation != operations_.end()) kept.operation_id = operation->second;
    kept.stored = std::move(stored);
    return kept;
  }

 private:
  std::int64_t current_ = 0;
  std::map<std::int64_t, std::string> operations_;
};

}  // namespace

absl::StatusOr<std::vector<KeptRevision>> ListKeptRevisions(const Resources& resources,
                                                            const store::MigrationKey& key) {
  std::vector<KeptRevision> kept;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    kept.clear();
    ASSIGN_OR_RETURN(const auto reader, RevisionReader::Open(tx, key));
    if (!reader.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(auto revisions, store::ListRevisions(tx, key));
    for (auto& one : revisions) kept.push_back(reader->Keep(std::move(one)));
    return absl::OkStatus();
  }));
  return kept;
}

absl::StatusOr<std::optional<KeptRevision>> FindKeptRevision(const Resources& resources,
                                                             const store::MigrationKey& key,
                                                             std::int64_t revision) {
  std::optional<KeptRevision> kept;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto reader, RevisionReader::Open(tx, key));
    if (!reader.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(auto stored,
                     store::GetRevision(tx, key, revision == 0 ? reader->current() : revision));
    kept = reader->Keep(std::move(stored));
    return absl::OkStatus();
  }));
  return kept;
}

absl::StatusOr<std::string> ShownConfig(const Resources& resources, const store::MigrationKey& key,
                                        const store::MigrationRevision& revision) {
  if (revision.sealed_config.empty()) return "";
  ASSIGN_OR_RETURN(auto config, OpenMigration(resources, key, revision));
  const WipeAtEnd wiped(&config);
  return migrations::HideSecrets(config);
}

}  // namespace dmgr::clusters

#include "server/backups/take.h"

#include <utility>
#include <vector>

#include "common/error.h"
#include "common/secret.h"
#include "server/backups/contents.h"
#include "server/backups/seal.h"
#include "server/clusters/copies.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/store/copy_store.h"
#include "server/store/migration_store.h"

namespace dmgr::backups {
namespace {

using store::MigrationKind;
using store::MigrationRecord;

const char* WordOf(store::Wanted wanted) {
  switch (wanted) {
    case store::Wanted::kRunning:
      return "running";
    case store::Wanted::kPaused:
      return "paused";
    case store::Wanted::kStopped:
      return "stopped";
    case store::Wanted::kNone:
      return "";
  }
  return "";
}

absl::StatusOr<std::vector<MigrationRecord>> ListAll(const Resources& resources,
                                                     const std::string& cluster) {
  std::vector<MigrationRecord> all;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    all.clear();
    for (const auto kind : {MigrationKind::kTarget, MigrationKind::kSource, MigrationKind::kTask}) {
      ASSIGN_OR_RETURN(auto some,
                       store::ListMigrations(tx, {.kind = kind, .cluster_name = cluster}));
      for (auto& one : some) all.push_back(std::move(one));
    }
    return absl::OkStatus();
  }));
  return all;
}

absl::Status AddRecords(const Resources& resources, const std::string& cluster,
                        pv1::BackupRecords* records) {
  ASSIGN_OR_RETURN(const auto all, ListAll(resources, cluster));
  for (const auto& one : all) {
    auto* record = records->add_records();
    record->set_kind(store::NameOf(one.key.kind));
    record->set_name(one.key.name);
    ASSIGN_OR_RETURN(*record->mutable_config(),
                     clusters::OpenMigration(resources, one.key, one.config));
    record->set_wanted(WordOf(one.wanted));
    record->set_target_name(one.target_name);
    record->set_details_json(one.details_json);
  }
  return absl::OkStatus();
}

absl::StatusOr<store::CopyRecord> NewestCopy(const Resources& resources,
                                             const topology::Cluster& cluster,
                                             const dm::Within& within) {
  const absl::Status asked = clusters::TakeCopy(resources, cluster, within).status();
  std::vector<store::CopyRecord> copies;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(copies, store::ListCopies(tx, cluster.uuid));
    return absl::OkStatus();
  }));
  if (!copies.empty()) return copies.front();
  if (!asked.ok()) return asked;
  return absl::InternalError("a copy was taken, and is not there");
}

}  // namespace

absl::StatusOr<Taken> TakeBackup(const Resources& resources,
                                 const v1::BackupClusterRequest& request,
                                 const dm::Within& within) {
  RETURN_IF_ERROR(CheckPassphrase(request.passphrase(), "passphrase"));
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  ASSIGN_OR_RETURN(const auto copy, NewestCopy(resources, record.cluster, within));
  Contents contents;
  ASSIGN_OR_RETURN(contents.keys, clusters::OpenCopy(resources, record.cluster.uuid, copy.copy_id));
  contents.keys.clear_records();
  contents.backup.set_cluster_name(record.cluster.name);
  contents.backup.set_cluster_version(record.cluster.version);
  contents.backup.set_confirm_seconds(absl::ToUnixSeconds(copy.confirm_time));
  *contents.backup.mutable_topology() = record.topology;
  RETURN_IF_ERROR(AddRecords(resources, record.cluster.name, contents.backup.mutable_records()));
  ASSIGN_OR_RETURN(std::string plain, WriteContents(contents));
  const WipeAtEnd wiped(&plain);
  Taken taken;
  ASSIGN_OR_RETURN(taken.sealed, SealBackup(plain, request.passphrase()));
  taken.summary.set_cluster_name(record.cluster.name);
  taken.summary.mutable_confirm_time()->set_seconds(contents.backup.confirm_seconds());
  taken.summary.set_source_count(copy.source_count);
  taken.summary.set_subtask_count(copy.subtask_count);
  taken.summary.set_size_bytes(taken.sealed.size());
  return taken;
}

}  // namespace dmgr::backups

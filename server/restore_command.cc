#include "server/restore_command.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "common/files.h"
#include "server/backup_file.h"
#include "server/clusters/workspace.h"
#include "server/own_database.h"
#include "server/resources/resources.h"
#include "server/store/package_store.h"
#include "server/store/patch_store.h"
#include "server/store/restore.h"
#include "server/warehouse/patch_upload.h"

namespace dmgr {
namespace {

namespace fs = std::filesystem;

// More claims than are made while a backup is written, and fewer than AfterRestore leaps over.
constexpr std::int64_t kClaimsOfBackup = std::int64_t{1} << 40;

std::string FolderOf(const store::DumpCluster& cluster) {
  return ClusterDir(cluster.cluster_path, cluster.name);
}

// Where a cluster's folder is made: it is never there in part.
std::string MadeIn(const store::DumpCluster& cluster) {
  const fs::path folder = FolderOf(cluster);
  return folder.parent_path() / ("." + folder.filename().string() + ".restoring");
}

bool IsThere(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

absl::Status OutOfOrder() {
  return Error(absl::StatusCode::kInvalidArgument, "BACKUP_UNREADABLE",
               "what is in the backup is not a dmgrd's: its parts are not in their order")
      .Remedy("take another backup");
}

// The head, after all of the file was seen to be as it was written.
absl::StatusOr<store::DumpHead> ReadWhole(const std::string& file, const backups::FileKey& key) {
  ASSIGN_OR_RETURN(const auto reader, backups::SealedReader::Open(file, key));
  ASSIGN_OR_RETURN(const auto first, reader->Next());
  if (first.kind != kHeadPiece) return OutOfOrder();
  ASSIGN_OR_RETURN(store::DumpHead head, HeadOf(first.content));
  char last = first.kind;
  while (true) {
    ASSIGN_OR_RETURN(auto piece, reader->Next());
    const WipeAtEnd wiped(&piece.content);
    if (piece.kind == '\0') break;
    last = piece.kind;
    if (last == kFilePiece) RETURN_IF_ERROR(FileOf(piece.content).status());
    if (last == kSequencesPiece) RETURN_IF_ERROR(SequencesOf(piece.content).status());
  }
  if (last != kSequencesPiece) return OutOfOrder();
  return head;
}

// Before anything is changed.
absl::Status CheckFolders(const store::DumpHead& head) {
  for (const auto& cluster : head.clusters) {
    const std::string folder = FolderOf(cluster);
    // Of one that is a cluster's it is only asked whose.
    RETURN_IF_ERROR(clusters::IsClusterDir(folder) ? clusters::ClaimClusterDir(folder, cluster.uuid)
                                                   : clusters::CheckClusterDirFree(folder));
  }
  return absl::OkStatus();
}

// Puts the pieces where they belong, in the order in which they come.
class Restorer {
 public:
  Restorer(const store::DumpHead& head, store::DumpLoad* load) : load_(load) {
    for (const auto& cluster : head.clusters) clusters_[cluster.uuid] = &cluster;
    for (const auto& table : head.tables) tables_[table.name] = &table;
  }

  absl::Status Take(const backups::SealedPiece& piece) {
    switch (piece.kind) {
      case kHeadPiece:
        return absl::OkStatus();
      case kFilePiece:
        return BeginFile(piece.content);
      case kContentPiece:
        return WriteFile(piece.content);
      case kTablePiece:
        return BeginTable(piece.content);
      case kRowsPiece:
        return in_table_ ? load_->Add(piece.content) : OutOfOrder();
      case kSequencesPiece:
        return End(piece.content);
      default:
        return OutOfOrder();
    }
  }

  int kept_folders() const { return kept_folders_; }

 private:
  absl::Status BeginFile(const std::string& text) {
    ASSIGN_OR_RETURN(file_, FileOf(text));
    const auto found = clusters_.find(file_->cluster_uuid);
    if (found == clusters_.end()) return OutOfOrder();
    if (cluster_ == found->second) return absl::OkStatus();
    RETURN_IF_ERROR(EndCluster());
    cluster_ = found->second;
    is_kept_ = clusters::IsClusterDir(FolderOf(*cluster_));
    if (is_kept_) {
      ++kept_folders_;
      return absl::OkStatus();
    }
    // What a restore that was cut off has left of it.
    RETURN_IF_ERROR(clusters::RemoveClusterDir(MadeIn(*cluster_), cluster_->uuid));
    return clusters::ClaimClusterDir(MadeIn(*cluster_), cluster_->uuid);
  }

  absl::Status WriteFile(const std::string& content) {
    if (!file_.has_value() || cluster_ == nullptr) return OutOfOrder();
    if (is_kept_) return absl::OkStatus();
    return clusters::WriteFileAtomically(MadeIn(*cluster_) + "/" + file_->path, content,
                                         file_->mode);
  }

  absl::Status EndCluster() {
    const auto* ended = std::exchange(cluster_, nullptr);
    if (ended == nullptr || is_kept_) return absl::OkStatus();
    std::error_code error;
    fs::rename(MadeIn(*ended), FolderOf(*ended), error);
    if (!error) return SyncFolderOf(FolderOf(*ended));
    return Error(absl::StatusCode::kFailedPrecondition, "CONTROL_FILE_ERROR", "making {}: {}",
                 FolderOf(*ended), error.message())
        .With("path", FolderOf(*ended))
        .Remedy("mend the path, then restore again");
  }

  absl::Status BeginTable(const std::string& name) {
    RETURN_IF_ERROR(EndCluster());
    RETURN_IF_ERROR(EndTable());
    const auto found = tables_.find(name);
    if (found == tables_.end()) return OutOfOrder();
    in_table_ = true;
    return load_->BeginTable(*found->second);
  }

  absl::Status EndTable() {
    return std::exchange(in_table_, false) ? load_->EndTable() : absl::OkStatus();
  }

  absl::Status End(const std::string& text) {
    RETURN_IF_ERROR(EndCluster());
    RETURN_IF_ERROR(EndTable());
    ASSIGN_OR_RETURN(const auto sequences, SequencesOf(text));
    return load_->Commit(sequences);
  }

  store::DumpLoad* const load_;
  std::map<std::string, const store::DumpCluster*> clusters_;
  std::map<std::string, const store::DumpTable*> tables_;
  std::optional<KeptFile> file_;
  // Whose files come.
  const store::DumpCluster* cluster_ = nullptr;
  bool is_kept_ = false;
  int kept_folders_ = 0;
  bool in_table_ = false;
};

absl::Status TellMissing(const Config& config, store::Database* database) {
  if (!config.shared_warehouse.empty()) {
    std::cout << "packages and patches come from the shared warehouse " << config.shared_warehouse
              << "\n";
    return absl::OkStatus();
  }
  Resources resources;
  resources.warehouse_dir = config.warehouse_dir;
  return database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto packages,
                     store::ListPackages(tx, "", std::numeric_limits<int>::max()));
    for (const auto& package : packages) {
      if (IsThere(PackageTree(resources, package.version()))) continue;
      std::cout << "upload package " << package.file_name() << " again: sha256 " << package.sha256()
                << "\n";
    }
    ASSIGN_OR_RETURN(const auto patches, store::ListPatchIds(tx));
    for (const std::string& id : patches) {
      if (IsThere(warehouse::PatchArchive(resources, id))) continue;
      ASSIGN_OR_RETURN(const auto patch, store::GetPatch(tx, id));
      std::cout << "upload patch " << patch.file_name() << " again: sha256 " << patch.sha256()
                << "\n";
    }
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status MakeRestoredSafe(store::Database* database) {
  store::Restored restored;
  RETURN_IF_ERROR(database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(restored, store::AfterRestore(tx));
    return absl::OkStatus();
  }));
  spdlog::warn(
      "after a restore: {} sessions are ended, {} API tokens are revoked, {} operations that were "
      "under way at the backup wait for a person; hosts take orders of this database again",
      restored.sessions, restored.tokens, restored.operations);
  return absl::OkStatus();
}

absl::Status Restore(const Config& config, const secrets::KeySource& source,
                     const std::string& file) {
  ASSIGN_OR_RETURN(const backups::FileKey key, BackupKeyOf(source));
  ASSIGN_OR_RETURN(const store::DumpHead head, ReadWhole(file, key));
  RETURN_IF_ERROR(CheckFolders(head));
  ASSIGN_OR_RETURN(const OwnDatabase own, StartDatabase(config));
  int kept_folders = 0;
  {
    ASSIGN_OR_RETURN(const auto load, store::DumpLoad::Begin(own.dsn, head));
    // From the commit until it is made safe nobody serves this database from here.
    RETURN_IF_ERROR(WriteFileAtomically(config.data_dir + "/high_water",
                                        fmt::format("{}\n", head.epoch + kClaimsOfBackup), 0600));
    ASSIGN_OR_RETURN(const auto reader, backups::SealedReader::Open(file, key));
    Restorer restorer(head, load.get());
    while (true) {
      ASSIGN_OR_RETURN(auto piece, reader->Next());
      const WipeAtEnd wiped(&piece.content);
      if (piece.kind == '\0') break;
      RETURN_IF_ERROR(restorer.Take(piece));
    }
    kept_folders = restorer.kept_folders();
  }
  ASSIGN_OR_RETURN(const auto database, store::Database::Open({.dsn = own.dsn, .pool_size = 1}));
  RETURN_IF_ERROR(database->Migrate());
  RETURN_IF_ERROR(MakeRestoredSafe(database.get()));
  std::cout << head.clusters.size() << " clusters are on record again";
  if (kept_folders > 0) std::cout << "; the folders of " << kept_folders << " were there, and stay";
  std::cout << "\n";
  RETURN_IF_ERROR(TellMissing(config, database.get()));
  std::cout << "dmgrd can be started" << std::endl;
  return absl::OkStatus();
}

}  // namespace dmgr

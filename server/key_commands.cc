#include "server/key_commands.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/files.h"
#include "server/certificates/cluster.h"
#include "server/clusters/cluster_key.h"
#include "server/clusters/copies.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/machines/access.h"
#include "server/resources/resources.h"
#include "server/secrets/rotate.h"
#include "server/store/cluster_store.h"

namespace dmgr {
namespace {

constexpr int kAllClusters = 1 << 20;

std::vector<std::string> ContextsOf(const store::SealedRow& row) {
  using store::SealedColumn;
  switch (row.column) {
    case SealedColumn::kClusterKey:
      return {clusters::ClusterKeyContext(row.owner)};
    case SealedColumn::kGrafanaPassword:
      return {clusters::GrafanaContext(row.owner)};
    case SealedColumn::kOptions:
      return {clusters::OptionsContext(row.owner)};
    case SealedColumn::kTls:
      return {certificates::TlsContext(row.owner)};
    case SealedColumn::kPending:
      return {clusters::PendingContext(row.owner)};
    case SealedColumn::kMigrationConfig:
      return {clusters::MigrationContext(row.owner)};
    case SealedColumn::kCopy:
      return {clusters::CopyContext(row.owner.substr(0, row.owner.find(' ')))};
    case SealedColumn::kStepPayload:
    case SealedColumn::kStepResult:
      return {clusters::RestoreContext(row.operation_id),
              clusters::ClusterKeyContext(row.cluster_uuid)};
    case SealedColumn::kCredential:
    case SealedColumn::kFormerKey:
      break;
  }
  return {};
}

// The copies of clusters' keys in their folders. One whose folder is not here is written by whoever
// changes that cluster's key next.
absl::Status RewriteClusterKeys(store::Database* database) {
  std::vector<store::ClusterRecord> records;
  RETURN_IF_ERROR(database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(records, store::ListClusters(tx, "", kAllClusters));
    return absl::OkStatus();
  }));
  for (const auto& record : records) {
    const std::string dir = ClusterDir(record.cluster.cluster_path, record.cluster.name);
    std::error_code error;
    if (!std::filesystem::exists(dir + "/ssh/id_ed25519.sealed", error)) continue;
    const absl::Status written = clusters::WriteClusterKey(record);
    if (!written.ok()) spdlog::warn("cluster {}: {}", record.cluster.name, Message(written));
  }
  return absl::OkStatus();
}

// There is a key in the file at every moment. Dumps of before need the former one.
absl::StatusOr<std::string> TakePlace(const std::string& next, const std::string& file,
                                      const std::string& former_id) {
  const std::string kept = file + "." + former_id;
  if ((link(file.c_str(), kept.c_str()) != 0 && errno != EEXIST) ||
      rename(next.c_str(), file.c_str()) != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_UNUSABLE",
                 "the database has the new master key, but {} cannot take the place of {}: {}",
                 next, file, std::strerror(errno))
        .With("path", file)
        .Remedy("move it there by hand, or mend that and rotate again: it ends this");
  }
  RETURN_IF_ERROR(SyncFolderOf(file));
  return kept;
}

}  // namespace

secrets::SealContexts AllSealContexts() {
  return {.former_credential = machines::FormerCredentialContext,
          .credential = machines::CredentialContext,
          .cluster_key = clusters::ClusterKeyContext,
          .others = ContextsOf};
}

absl::Status RotateMasterKey(store::Database* database, const secrets::KeySource& source,
                             const std::string& next_file) {
  const bool takes_place = next_file.empty() && source.kind == secrets::KeySource::Kind::kFile;
  if (next_file.empty() && !takes_place) {
    return Error(
        absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
        "the master key is in {}: --next-master-key must say in which file the next one is",
        source.Name());
  }
  const std::string next_path = takes_place ? secrets::NextKeyFile(source.path) : next_file;
  ASSIGN_OR_RETURN(const auto present, secrets::LoadKey(source));
  ASSIGN_OR_RETURN(const auto next, auth::SecretBox::Open(next_path));
  RETURN_IF_ERROR(SyncFolderOf(next_path));
  ASSIGN_OR_RETURN(const auto rotation,
                   secrets::RotateMasterKey(database, present, next, AllSealContexts()));
  RETURN_IF_ERROR(RewriteClusterKeys(database));
  for (const std::string& row : rotation.unreadable) {
    std::cout << "left as it is, no key opens it: " << row << "\n";
  }
  std::cout << "The master key is changed from that of id " << present.Id() << " to that of id "
            << next.Id() << "; " << rotation.resealed << " values are sealed anew.\n";
  if (takes_place) {
    ASSIGN_OR_RETURN(const std::string kept, TakePlace(next_path, source.path, present.Id()));
    std::cout << "The former one is kept in " << kept
              << ": dumps of before need it. Other dmgrd of this database need a copy of "
              << source.path << "." << std::endl;
    return absl::OkStatus();
  }
  std::cout << "Before the next start, put what is in " << next_path << " in the place of "
            << source.Name() << ", for every dmgrd of this database. Keep the former one for dumps "
            << "of before." << std::endl;
  return absl::OkStatus();
}

absl::Status ForgetSecrets(store::Database* database, const secrets::KeySource& source) {
  std::optional<auth::SecretBox> present;
  auto found = secrets::LoadKey(source);
  if (found.ok()) {
    present = *std::move(found);
  } else if (!absl::IsNotFound(found.status()) || source.kind != secrets::KeySource::Kind::kFile) {
    return found.status();
  }
  std::optional<auth::SecretBox> made;
  if (!present.has_value()) {
    ASSIGN_OR_RETURN(made, auth::SecretBox::Open(source.path));
  }
  const auth::SecretBox& next = present.has_value() ? *present : *made;
  ASSIGN_OR_RETURN(
      const auto forgotten,
      secrets::ForgetSecrets(database, present.has_value() ? &*present : nullptr, next));
  std::cout << "All that was sealed is given up; the master key is that of id " << next.Id()
            << " now.\n";
  for (const std::string& machine : forgotten.machines) {
    std::cout << "machine " << machine << ": give its credential again\n";
  }
  for (const std::string& cluster : forgotten.clusters) {
    std::cout << "cluster " << cluster
              << ": give its topology again, with all that is secret in it, reload it, and rotate "
                 "its key\n";
  }
  std::cout << std::flush;
  return absl::OkStatus();
}

}  // namespace dmgr

#include "server/backup_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "common/files.h"
#include "server/backup_file.h"
#include "server/own_database.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/secrets/master_key.h"
#include "server/store/database.h"
#include "server/store/seal_key_store.h"

namespace dmgr {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSlice = std::size_t{16} << 20;
constexpr char kBackupMagic[] = "DMGRSELF";

struct Written {
  std::int64_t rows = 0;
  std::size_t files = 0;
};

absl::Status Exists(const std::string& file) {
  return Error(absl::StatusCode::kAlreadyExists, "BACKUP_EXISTS", "{} is there", file)
      .With("path", file)
      .Remedy("take another name, or --force to replace it");
}

// Takes away what a backup that was cut off has left, and nothing else.
absl::Status RemoveUnfinished(const std::string& path) {
  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  const auto head = ReadHead(path, sizeof(kBackupMagic) - 1);
  const bool is_ours =
      S_ISREG(info.st_mode) && head.ok() && (head->empty() || *head == kBackupMagic);
  if (!is_ours) return Exists(path);
  std::error_code error;
  fs::remove(path, error);
  return absl::OkStatus();
}

absl::Status CheckKeyOf(store::Database* database, const backups::FileKey& key) {
  return database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto record, store::GetSealKey(tx));
    return record.has_value() ? secrets::CheckRecordedKey(*record, key.id) : absl::OkStatus();
  });
}

// Programs are the package's, and what was rendered is made again.
bool IsKept(const fs::path& path) {
  auto part = path.begin();
  const std::string top = *part;
  if (top == "cache") return false;
  ++part;
  // Of another thread, on its way to its name.
  if (top.starts_with('.')) return part == path.end();
  fs::path rest;
  for (; part != path.end(); ++part) rest /= *part;
  return rest.empty() || !render::IsProgram(rest.native());
}

absl::Status WriteFileOf(const store::DumpCluster& cluster, const std::string& dir,
                         const std::string& path, backups::SealedWriter* writer) {
  const std::string whole = dir + "/" + path;
  struct stat info = {};
  // It may be gone by now: what is there is what is kept.
  if (stat(whole.c_str(), &info) != 0) return absl::OkStatus();
  auto content = ReadFile(whole);
  if (absl::IsNotFound(content.status())) return absl::OkStatus();
  RETURN_IF_ERROR(content.status());
  const WipeAtEnd wiped(&*content);
  RETURN_IF_ERROR(writer->Add(
      kFilePiece,
      TextOf(KeptFile{.cluster_uuid = cluster.uuid, .path = path, .mode = info.st_mode & 0777U})));
  return writer->Add(kContentPiece, *content);
}

absl::Status WriteFiles(const store::DumpCluster& cluster, backups::SealedWriter* writer,
                        Written* written) {
  const std::string dir = ClusterDir(cluster.cluster_path, cluster.name);
  std::error_code error;
  fs::recursive_directory_iterator it(dir, error);
  if (error) {
    std::cout << "cluster " << cluster.name << ": " << dir << " is not there\n";
    return absl::OkStatus();
  }
  std::vector<std::string> paths;
  for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    const fs::path path = it->path().lexically_relative(dir);
    std::error_code gone;
    if (!IsKept(path)) {
      it.disable_recursion_pending();
    } else if (it->symlink_status(gone).type() == fs::file_type::regular) {
      paths.push_back(path.native());
    }
  }
  if (error) {
    return Error(absl::StatusCode::kFailedPrecondition, "CONTROL_FILE_ERROR", "reading {}: {}", dir,
                 error.message())
        .With("path", dir)
        .Remedy("does an operation change it? Then try again when that has ended");
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) RETURN_IF_ERROR(WriteFileOf(cluster, dir, path, writer));
  written->files += paths.size();
  return absl::OkStatus();
}

absl::Status WriteAll(store::Dump* dump, backups::SealedWriter* writer, Written* written) {
  RETURN_IF_ERROR(writer->Add(kHeadPiece, TextOf(dump->head())));
  for (const auto& cluster : dump->head().clusters) {
    RETURN_IF_ERROR(WriteFiles(cluster, writer, written));
  }
  for (const auto& table : dump->head().tables) {
    RETURN_IF_ERROR(writer->Add(kTablePiece, table.name));
    const auto count = dump->Read(table, [&](std::string_view rows) -> absl::Status {
      for (; !rows.empty(); rows.remove_prefix(std::min(rows.size(), kSlice))) {
        RETURN_IF_ERROR(writer->Add(kRowsPiece, rows.substr(0, kSlice)));
      }
      return absl::OkStatus();
    });
    RETURN_IF_ERROR(count.status());
    written->rows += *count;
  }
  ASSIGN_OR_RETURN(const auto sequences, dump->Sequences());
  RETURN_IF_ERROR(writer->Add(kSequencesPiece, TextOf(sequences)));
  return writer->Finish();
}

// Whoever looks sees the former file or the whole new one.
absl::Status TakeName(const std::string& made, const std::string& file, bool force) {
  int error = 0;
  if (renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, file.c_str(), force ? 0 : RENAME_NOREPLACE) != 0)
    error = errno;
  if (error == EEXIST) return Exists(file);
  // A file system without that flag.
  std::error_code ignored;
  if (error == EINVAL && !fs::exists(file, ignored)) {
    error = rename(made.c_str(), file.c_str()) == 0 ? 0 : errno;
  }
  if (error != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "BACKUP_NOT_KEPT",
                 "{} cannot be given the name {}: {}", made, file, std::strerror(error))
        .With("path", file)
        .Remedy("choose a file in a folder that dmgrd's user may write");
  }
  return SyncFolderOf(file);
}

}  // namespace

absl::Status BackUp(const Config& config, const secrets::KeySource& source, const std::string& file,
                    bool force) {
  std::error_code ignored;
  if (!force && fs::symlink_status(file, ignored).type() != fs::file_type::not_found) {
    return Exists(file);
  }
  ASSIGN_OR_RETURN(const backups::FileKey key, BackupKeyOf(source));
  ASSIGN_OR_RETURN(const OwnDatabase own, ReachDatabase(config));
  ASSIGN_OR_RETURN(const auto database, store::Database::Open({.dsn = own.dsn, .pool_size = 1}));
  ASSIGN_OR_RETURN(const auto dump, store::Dump::Begin(own.dsn));
  if (!dump->head().key_id.empty()) RETURN_IF_ERROR(CheckKeyOf(database.get(), key));
  const std::string made = file + ".tmp";
  RETURN_IF_ERROR(RemoveUnfinished(made));
  Written written;
  absl::Status status;
  {
    ASSIGN_OR_RETURN(const auto writer, backups::SealedWriter::Create(made, key));
    status = WriteAll(dump.get(), writer.get(), &written);
  }
  if (status.ok()) status = TakeName(made, file, force);
  if (!status.ok()) {
    fs::remove(made, ignored);
    return status;
  }
  std::cout << file << ": " << dump->head().clusters.size() << " clusters, " << written.rows
            << " rows, " << written.files << " files; sealed with the master key of id " << key.id
            << ", which is not in it" << std::endl;
  return absl::OkStatus();
}

}  // namespace dmgr

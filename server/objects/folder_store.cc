#include "server/objects/folder_store.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "common/files.h"
#include "server/objects/errors.h"

namespace dmgr::objects {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kObjectMode = 0644;

// On the disk when it returns. *lives is what `alive` said last.
absl::Status CopyFile(const std::string& from, const std::string& to, absl::Status* lives,
                      const ObjectStore::Alive& alive) {
  ASSIGN_OR_RETURN(FileWriter writer, FileWriter::Create(to, kObjectMode));
  RETURN_IF_ERROR(ReadChunks(from, 0, kFileChunk, [&](std::string_view chunk) -> absl::Status {
    if (alive) *lives = alive();
    RETURN_IF_ERROR(*lives);
    return writer.Write(chunk);
  }));
  RETURN_IF_ERROR(writer.SetMode(kObjectMode));
  return writer.Sync();
}

}  // namespace

absl::Status FolderStore::Failed(const std::string& what) const {
  return Error(absl::StatusCode::kUnavailable, "SHARED_STORE_FAILED", "the shared warehouse {}: {}",
               folder_, what)
      .With("path", folder_)
      .Remedy("see whether it is mounted, has room and may be written by dmgrd's user; then again");
}

absl::Status FolderStore::RemoveFile(const std::string& path) const {
  std::error_code error;
  fs::remove(path, error);
  return error ? Failed(fmt::format("cannot remove {}: {}", path, error.message()))
               : absl::OkStatus();
}

absl::Status FolderStore::Put(const std::string& sha256, const std::string& path,
                              const Putter& putter) {
  const std::string part = PartOf(sha256, putter.owner);
  RETURN_IF_ERROR(RemoveFile(part));
  absl::Status lives;
  const absl::Status copied = CopyFile(path, part, &lives, putter.alive);
  std::error_code error;
  if (copied.ok()) fs::rename(part, PathOf(sha256), error);
  if (copied.ok() && !error) {
    const absl::Status synced = SyncFolder(folder_);
    return synced.ok() ? synced : Failed(std::string(Message(synced)));
  }
  std::error_code ignored;
  fs::remove(part, ignored);
  if (!lives.ok()) return lives;
  return Failed(copied.ok() ? fmt::format("cannot rename {}: {}", part, error.message())
                            : std::string(Message(copied)));
}

absl::Status FolderStore::Get(const std::string& sha256, const std::string& path,
                              const Alive& alive) {
  ASSIGN_OR_RETURN(const bool is_there, Has(sha256, alive));
  if (!is_there) return ObjectMissing(Name(), sha256);
  absl::Status lives;
  const absl::Status copied = CopyFile(PathOf(sha256), path, &lives, alive);
  if (copied.ok()) return copied;
  return lives.ok() ? Failed(std::string(Message(copied))) : lives;
}

absl::StatusOr<bool> FolderStore::Has(const std::string& sha256, const Alive&) {
  std::error_code error;
  if (!fs::is_directory(folder_, error)) {
    return Failed(error ? error.message() : "it is no folder");
  }
  const auto type = fs::status(PathOf(sha256), error).type();
  if (type == fs::file_type::none) return Failed(error.message());
  return type == fs::file_type::regular;
}

absl::Status FolderStore::Remove(const std::string& sha256, const Alive&) {
  return RemoveFile(PathOf(sha256));
}

absl::Status FolderStore::RemoveUnfinished(const std::string& sha256, const std::string& owner) {
  return RemoveFile(PartOf(sha256, owner));
}

}  // namespace dmgr::objects

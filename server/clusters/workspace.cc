#include "server/clusters/workspace.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "common/error.h"
#include "common/files.h"
#include "common/ids.h"
#include "common/package/release.h"
#include "server/clusters/cluster_roots.h"
#include "server/render/render.h"

namespace dmgr::clusters {
namespace {

namespace fs = std::filesystem;

// Holds the uuid of the cluster that a directory was made for.
constexpr char kMarker[] = ".dmgr-cluster";

// Far more than making a folder takes.
constexpr std::chrono::hours kLeftoverAge(1);

// Bytes, of common file systems.
constexpr std::size_t kMaxName = 255;
constexpr int kMaxTries = 10;

absl::Status FileError(const std::string& what, const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return Error(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kFailedPrecondition,
               full ? "CONTROL_DISK_FULL" : "CONTROL_FILE_ERROR",
               "{} {} on the control machine: {}", what, path, std::strerror(error))
      .With("path", path)
      .Remedy(full ? "free space there, then resume the operation"
                   : "mend the path, then resume the operation");
}

// As FileError, of what common/files could not do.
absl::Status FileError(const std::string& what, const std::string& path,
                       const absl::Status& status) {
  return status.ok() ? status : FileError(what, path, ErrnoOf(status));
}

// The owner that a directory's marker names; empty when there is none.
std::string OwnerOf(const fs::path& marker) {
  return ReadFile(marker.string()).value_or(std::string());
}

// Markers that a killed dmgrd began to write: nothing else is called so.
std::vector<fs::path> HalfMarkers(const std::string& dir) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(std::string(kMarker) + ".", 0) == 0) found.push_back(entry.path());
  }
  return found;
}

absl::Status CopyEntry(const fs::directory_entry& entry, const fs::path& to, bool program) {
  std::error_code error;
  if (entry.is_symlink()) {
    fs::copy_symlink(entry.path(), to, error);
  } else if (entry.is_directory() && program) {
    fs::create_directory_symlink(fs::absolute(entry.path()), to, error);
  } else if (entry.is_directory()) {
    fs::create_directory(to, error);
  } else {
    if (program) fs::create_hard_link(entry.path(), to, error);
    // Another file system, or one without links.
    if (!program || error) fs::copy_file(entry.path(), to, error);
  }
  return error ? FileError("copying to", to.string(), error.value()) : absl::OkStatus();
}

// A new name in the same folder, for what is made or goes.
fs::path NameBeside(const std::string& path) {
  const fs::path own(path);
  return own.parent_path() / ("." + own.filename().string() + "." + HexEncode(RandomBytes(4)));
}

// What a dmgrd that was killed left of NameBeside(path). Another one may be at work on the rest.
void RemoveLeftovers(const std::string& path) {
  const fs::path own(path);
  const std::string prefix = "." + own.filename().string() + ".";
  const auto now = fs::file_time_type::clock::now();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(own.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || name.size() != prefix.size() + 8) continue;
    const auto changed = entry.last_write_time(error);
    if (!error && now - changed > kLeftoverAge) fs::remove_all(entry.path(), error);
  }
}

absl::Status WriteFolder(const fs::path& dir, const std::vector<LocalFile>& files) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return FileError("making", dir.string(), error.value());
  for (const LocalFile& file : files) {
    const std::string path = dir / file.name;
    RETURN_IF_ERROR(FileError("writing", path, WriteNewFile(path, file.content, file.mode)));
  }
  return absl::OkStatus();
}

absl::Status CopyTree(const std::string& source, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to, error);
  if (error) return FileError("making", to.string(), error.value());
  fs::recursive_directory_iterator it(source, error);
  if (error) return FileError("reading the package tree", source, error.value());
  for (const fs::recursive_directory_iterator end; it != end; it.increment(error)) {
    if (error) return FileError("reading the package tree", source, error.value());
    const fs::path path = it->path().lexically_relative(source);
    const bool program = render::IsProgram(path.native());
    RETURN_IF_ERROR(CopyEntry(*it, to / path, program));
    if (program) it.disable_recursion_pending();
  }
  return absl::OkStatus();
}

}  // namespace

std::string FlatName(const std::string& instance, const std::string& path) {
  std::string name = instance + "+" + path;
  std::replace(name.begin() + static_cast<std::ptrdiff_t>(instance.size()), name.end(), '/', '+');
  if (name.size() <= kMaxName && path.find('+') == std::string::npos) return name;
  const std::string mark = "+" + package::HashText(path).substr(0, 16);
  return name.substr(0, kMaxName - mark.size()) + mark;
}

absl::Status WriteFileAtomically(const std::string& path, const std::string& content,
                                 unsigned mode) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (error) return FileError("making the folder of", path, error.value());
  return FileError("writing", path, dmgr::WriteFileAtomically(path, content, mode));
}

absl::Status ReplaceFolder(const std::string& dir, const std::vector<LocalFile>& files) {
  RemoveLeftovers(dir);
  const fs::path made = NameBeside(dir);
  const fs::path old = NameBeside(dir);
  absl::Status status = WriteFolder(made, files);
  std::error_code error;
  // Another dmgrd, which does not know yet that this one took over, may put its own there
  // meanwhile.
  for (int tries = 0; status.ok(); ++tries) {
    fs::remove_all(old, error);
    fs::rename(dir, old, error);
    fs::rename(made, dir, error);
    if (!error) break;
    const bool again = error == std::errc::file_exists || error == std::errc::directory_not_empty;
    if (!again || tries == kMaxTries) status = FileError("making", dir, error.value());
  }
  for (const fs::path& path : {made, old}) fs::remove_all(path, error);
  return status;
}

absl::Status CheckClusterDirFree(const std::string& dir) {
  RETURN_IF_ERROR(CheckOwnPath(dir));
  std::error_code error;
  if (!fs::exists(dir, error)) return absl::OkStatus();
  const auto entries = std::distance(fs::directory_iterator(dir, error), {});
  if (!error && static_cast<std::size_t>(entries) == HalfMarkers(dir).size()) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_DIR_IN_USE",
               "{} on the control machine exists and is not empty", dir)
      .With("path", dir)
      .Remedy("move it away, or deploy with another cluster_path");
}

bool IsClusterDir(const std::string& dir) {
  std::error_code error;
  return fs::exists(fs::path(dir) / kMarker, error);
}

absl::Status ClaimClusterDir(const std::string& dir, const std::string& cluster_uuid) {
  const fs::path marker = fs::path(dir) / kMarker;
  std::error_code error;
  if (fs::exists(marker, error)) {
    if (OwnerOf(marker) == cluster_uuid) return absl::OkStatus();
    return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_DIR_IN_USE",
                 "{} on the control machine belongs to another cluster", dir)
        .With("path", dir)
        .Remedy("move it away, then resume the operation");
  }
  RETURN_IF_ERROR(CheckClusterDirFree(dir));
  for (const fs::path& half : HalfMarkers(dir)) fs::remove(half, error);
  RETURN_IF_ERROR(WriteFileAtomically(marker.string(), cluster_uuid, 0600));
  // Holds keys and rendered secrets.
  fs::permissions(dir, fs::perms::owner_all, error);
  return error ? FileError("restricting", dir, error.value()) : absl::OkStatus();
}

void BringClusterDirHome(const std::string& dir, const std::string& cluster_uuid) {
  std::error_code error;
  if (fs::exists(dir, error)) return;
  for (const auto& entry : fs::directory_iterator(fs::path(dir).parent_path(), error)) {
    if (OwnerOf(entry.path() / kMarker) != cluster_uuid) continue;
    // Another thread may have been faster; without its folder the cluster's next step says so.
    fs::rename(entry.path(), dir, error);
    return;
  }
}

absl::Status RemoveClusterDir(const std::string& dir, const std::string& cluster_uuid) {
  std::error_code error;
  if (!fs::exists(dir, error)) return absl::OkStatus();
  const fs::path marker = fs::path(dir) / kMarker;
  if (!fs::exists(marker, error) || OwnerOf(marker) != cluster_uuid) {
    // Nothing of ours but, at most, a marker that was never finished.
    const auto halves = HalfMarkers(dir);
    for (const fs::path& half : halves) fs::remove(half, error);
    if (!halves.empty() && fs::is_empty(dir, error)) fs::remove(dir, error);
    return absl::OkStatus();
  }
  // The marker goes last, so that a removal which was cut short is known as ours again.
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    if (entry.path().filename() == kMarker) continue;
    fs::remove_all(entry.path(), error);
    if (error) return FileError("removing", entry.path().string(), error.value());
  }
  if (error) return FileError("reading", dir, error.value());
  fs::remove_all(dir, error);
  return error ? FileError("removing", dir, error.value()) : absl::OkStatus();
}

absl::Status CopyPackageTree(const std::string& source, const std::string& target) {
  RemoveLeftovers(target);
  std::error_code error;
  if (fs::exists(target, error)) return absl::OkStatus();
  const fs::path made = NameBeside(target);
  absl::Status status = CopyTree(source, made);
  if (status.ok()) {
    fs::rename(made, target, error);
    // Another dmgrd, which does not know yet that this one took over, may have been faster.
    std::error_code ignored;
    if (error && !fs::exists(target, ignored)) status = FileError("making", target, error.value());
  }
  fs::remove_all(made, error);
  return status;
}

absl::Status RemoveTree(const std::string& tree) {
  RemoveLeftovers(tree);
  // First out of the way: it is never there in part.
  const fs::path gone = NameBeside(tree);
  std::error_code error;
  if (fs::exists(tree, error)) fs::rename(tree, gone, error);
  if (error == std::errc::no_such_file_or_directory) error.clear();
  if (!error) fs::remove_all(gone, error);
  return error ? FileError("removing", tree, error.value()) : absl::OkStatus();
}

}  // namespace dmgr::clusters

#include "server/clusters/cluster_roots.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "common/error.h"

namespace dmgr::clusters {
namespace {

namespace fs = std::filesystem;

absl::Status Unsafe(const fs::path& folder, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_PATH_UNSAFE",
               "{} on the control machine {}: others could change what dmgrd keeps below it",
               folder.string(), why)
      .With("path", folder.string())
      .Remedy(fmt::format("chown root {0}; chmod go-w {0}; or keep clusters elsewhere",
                          folder.string()));
}

bool IsSafeOwner(const struct stat& info) { return info.st_uid == 0 || info.st_uid == geteuid(); }

// Every folder from / to the path.
absl::Status CheckFolders(const fs::path& path) {
  fs::path folder;
  for (const fs::path& part : path) {
    folder /= part;
    struct stat info = {};
    if (stat(folder.c_str(), &info) != 0) {
      if (errno != ENOENT)
        return Unsafe(folder, fmt::format("cannot be seen: {}", std::strerror(errno)));
      struct stat parent = {};
      const bool anybodys = stat(folder.parent_path().c_str(), &parent) == 0 &&
                            (parent.st_mode & (S_IWGRP | S_IWOTH)) != 0;
      return anybodys ? Unsafe(folder, "is not there, and others may make it") : absl::OkStatus();
    }
    if (!S_ISDIR(info.st_mode)) return Unsafe(folder, "is no folder");
    if (!IsSafeOwner(info))
      return Unsafe(folder, fmt::format("belongs to the user {}", info.st_uid));
    const bool others = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    if (others && (info.st_mode & S_ISVTX) == 0) return Unsafe(folder, "is writable for others");
  }
  return absl::OkStatus();
}

}  // namespace

bool IsBelow(const std::vector<std::string>& roots, const std::string& path) {
  const fs::path wanted = fs::path(path + "/").lexically_normal();
  return std::any_of(roots.begin(), roots.end(), [&](const std::string& one) {
    const fs::path root = fs::path(one + "/").lexically_normal();
    // The last part of each is empty, for the '/' at its end.
    const auto end = std::prev(root.end());
    return std::mismatch(root.begin(), end, wanted.begin(), wanted.end()).first == end;
  });
}

absl::Status CheckOwnPath(const std::string& path) {
  // As it is written: who could replace a link in it; and where it leads.
  RETURN_IF_ERROR(CheckFolders(path));
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  return error ? Unsafe(path, error.message()) : CheckFolders(real);
}

}  // namespace dmgr::clusters

#include "server/instances/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/error.h"

namespace dmgr::instances {
namespace {

absl::Status SpoolFailed(const std::string& folder, int error) {
  return Error(absl::StatusCode::kResourceExhausted, "CONTROL_DISK_FULL",
               "cannot keep a file in {} on dmgrd's machine: {}", folder, std::strerror(error))
      .With("path", folder)
      .Remedy("free space there, then try again");
}

}  // namespace

absl::StatusOr<Spool> Spool::Make(const std::string& folder) {
  std::string path = folder + "/spool-XXXXXX";
  Fd file(mkostemp(path.data(), O_CLOEXEC));
  if (!file.ok()) return SpoolFailed(folder, errno);
  unlink(path.c_str());
  return Spool(std::move(file));
}

absl::Status Spool::Write(std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = write(file_.get(), data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SpoolFailed("the warehouse's folder", errno);
    size_ += static_cast<std::uint64_t>(written);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

std::string Spool::path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

}  // namespace dmgr::instances

#include "server/host/near/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <tuple>
#include <vector>

#include "common/error.h"

namespace dmgr::host {
namespace {

// Of an archive, 8 MiB of blocks of 256 KiB: hosts that are further apart read for themselves.
constexpr std::size_t kKeptSlots = 32;
// Memory for blocks that dmgrd keeps between archives: to get new pages for each would cost as much
// as reading them.
constexpr std::size_t kKeptBuffers = 64;

class BufferPool {
 public:
  static BufferPool& Get() {
    static BufferPool pool;
    return pool;
  }
  // Of any content.
  std::string Take() {
    const std::lock_guard lock(mutex_);
    if (buffers_.empty()) return {};
    std::string buffer = std::move(buffers_.back());
    buffers_.pop_back();
    return buffer;
  }
  void Return(std::string buffer) {
    const std::lock_guard lock(mutex_);
    if (buffers_.size() < kKeptBuffers) buffers_.push_back(std::move(buffer));
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> buffers_;
};

absl::Status Unreadable(const std::string& path, const std::string& cause) {
  return Error(absl::StatusCode::kDataLoss, "RELEASE_UNREADABLE",
               "the stored release {} cannot be read: {}", path, cause)
      .With("path", path)
      .Remedy("upload the package again")
      .Next(dmgr::v1::ACTION_UPLOAD_PACKAGE);
}

// What tells files apart, also when one takes another's place.
using FileIdentity = std::tuple<dev_t, ino_t, std::int64_t, std::int64_t>;

FileIdentity IdentityOf(const struct stat& info) {
  return {info.st_dev, info.st_ino, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

}  // namespace

absl::StatusOr<std::shared_ptr<Archive>> Archive::Open(const std::string& path,
                                                       std::uint64_t expected_size) {
  static std::mutex mutex;
  static std::map<FileIdentity, std::weak_ptr<Archive>> open_ones;

  std::shared_ptr<Archive> archive(new Archive(path, open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  struct stat info = {};
  if (archive->fd_ < 0 || fstat(archive->fd_, &info) != 0) {
    return Unreadable(path, std::strerror(errno));
  }
  if (static_cast<std::uint64_t>(info.st_size) != expected_size) {
    return Unreadable(path,
                      fmt::format("it has {} bytes instead of {}", info.st_size, expected_size));
  }
  posix_fadvise(archive->fd_, 0, 0, POSIX_FADV_SEQUENTIAL);

  const std::lock_guard lock(mutex);
  std::erase_if(open_ones, [](const auto& entry) { return entry.second.expired(); });
  auto& known = open_ones[IdentityOf(info)];
  if (auto shared = known.lock()) return shared;
  known = archive;
  return archive;
}

Archive::~Archive() {
  if (fd_ >= 0) close(fd_);
  for (Slot& slot : slots_) BufferPool::Get().Return(std::move(slot.bytes));
}

Archive::Loan::~Loan() {
  if (slot_ == nullptr) return;
  const std::lock_guard lock(archive_->mutex_);
  --slot_->users;
}

absl::StatusOr<Archive::Loan> Archive::Read(std::uint64_t offset, std::size_t size) {
  // Held while the file is read: the others want the same bytes.
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.offset == offset && slot.bytes.size() == size;
  });
  if (found != slots_.end()) {
    slots_.splice(slots_.begin(), slots_, found);
  } else {
    TakeSpare();
    Slot& slot = slots_.front();
    slot.offset = offset;
    slot.bytes.resize(size);
    if (absl::Status status = Fill(&slot); !status.ok()) {
      slots_.pop_front();
      return status;
    }
  }
  ++slots_.front().users;
  return Loan(this, &slots_.front());
}

void Archive::TakeSpare() {
  const auto oldest = std::find_if(slots_.rbegin(), slots_.rend(),
                                   [](const Slot& slot) { return slot.users == 0; });
  if (slots_.size() < kKeptSlots || oldest == slots_.rend()) {
    slots_.push_front({.bytes = BufferPool::Get().Take()});
  } else {
    slots_.splice(slots_.begin(), slots_, std::next(oldest).base());
  }
}

absl::Status Archive::Fill(Slot* slot) const {
  for (std::size_t done = 0; done < slot->bytes.size();) {
    const ssize_t got = pread(fd_, slot->bytes.data() + done, slot->bytes.size() - done,
                              static_cast<off_t>(slot->offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Unreadable(path_, got == 0 ? "it became shorter" : std::strerror(errno));
    done += static_cast<std::size_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace dmgr::host

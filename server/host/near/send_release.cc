#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/error.h"
#include "server/host/near/failure.h"
#include "server/host/near/far_end_impl.h"

namespace dmgr::host {
namespace {

constexpr std::size_t kChunk = 256 * 1024;

class Archive {
 public:
  static absl::StatusOr<Archive> Open(const std::string& path, std::uint64_t expected_size) {
    Archive archive(path, open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info = {};
    if (archive.fd_ < 0 || fstat(archive.fd_, &info) != 0) {
      return archive.Unreadable(std::strerror(errno));
    }
    if (static_cast<std::uint64_t>(info.st_size) != expected_size) {
      return archive.Unreadable(
          fmt::format("it has {} bytes instead of {}", info.st_size, expected_size));
    }
    posix_fadvise(archive.fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
    return archive;
  }
  Archive(Archive&& other) noexcept : path_(other.path_), fd_(std::exchange(other.fd_, -1)) {}
  ~Archive() {
    if (fd_ >= 0) close(fd_);
  }

  absl::Status Read(char* data, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
      const ssize_t got = read(fd_, data + done, size - done);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return Unreadable(got == 0 ? "it became shorter" : std::strerror(errno));
      done += static_cast<std::size_t>(got);
    }
    return absl::OkStatus();
  }

 private:
  Archive(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status Unreadable(const std::string& cause) const {
    return Error(absl::StatusCode::kDataLoss, "RELEASE_UNREADABLE",
                 "the stored release {} cannot be read: {}", path_, cause)
        .With("path", path_)
        .Remedy("upload the package again: dmgrctl package upload FILE");
  }

  std::string path_;
  int fd_;
};

}  // namespace

absl::StatusOr<std::uint64_t> FarEnd::SendRelease(const hv1::ReceiveRelease& request,
                                                  const std::string& archive_path,
                                                  const CallOptions& options) {
  const std::uint64_t total = request.compressed_bytes();
  ASSIGN_OR_RETURN(Archive archive, Archive::Open(archive_path, total));
  CallOptions bounded = options;
  if (options.on_progress) {
    bounded.on_progress = [&](std::uint64_t done) { options.on_progress(std::min(done, total)); };
  }

  hv1::ToHost message;
  *message.mutable_receive_release() = request;
  ASSIGN_OR_RETURN(const auto accepted, impl_->Call(message, bounded));
  if (!accepted.receive_release().wanted()) return 0;

  ChunkFrame chunk(kChunk);
  for (std::uint64_t left = total;;) {
    absl::Status end = impl_->EndWanted(options);
    const std::size_t size = std::min<std::uint64_t>(left, kChunk);
    if (end.ok()) end = archive.Read(chunk.data(), size);
    if (!end.ok()) {
      auto answer = impl_->EndEarly(end, bounded);
      return answer.ok() ? end : answer.status();
    }
    left -= size;
    RETURN_IF_ERROR(impl_->WriteFrame(chunk.Make(impl_->id, size, left == 0), bounded));
    if (left == 0) break;
    // What the host says meanwhile, which may be that it has no space.
    ASSIGN_OR_RETURN(const auto answer, impl_->Poll(bounded, absl::InfinitePast()));
    if (!answer.has_value()) continue;
    if (answer->has_failure()) return FailureStatus(impl_->host, answer->failure());
    return impl_->broken = FarEndLost(impl_->host, "it was done with a release before its end");
  }
  RETURN_IF_ERROR(impl_->Await(bounded).status());
  return total;
}

}  // namespace dmgr::host

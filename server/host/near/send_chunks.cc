#include <algorithm>

#include "common/error.h"
#include "server/host/near/archive.h"
#include "server/host/near/failure.h"
#include "server/host/near/far_end_impl.h"

namespace dmgr::host {
namespace {

// With the head of its frame, eight full packets of SSH.
constexpr std::size_t kChunk = 8 * ChunkFrame::kMaxHead - ChunkFrame::kBefore;

absl::StatusOr<Archive::Loan> NextChunk(Archive* archive, std::uint64_t offset, std::size_t size,
                                        const absl::Status& end_wanted) {
  RETURN_IF_ERROR(end_wanted);
  return archive->Read(offset, size);
}

}  // namespace

absl::StatusOr<bool> FarEnd::Impl::SendChunks(const hv1::ToHost& request, const std::string& path,
                                              std::uint64_t total, const CallOptions& options) {
  ASSIGN_OR_RETURN(const auto archive, Archive::Open(path, total));
  ASSIGN_OR_RETURN(const auto accepted, Call(request, options));
  if (!accepted.receive_release().wanted()) return false;

  ChunkFrame chunk_frame;
  for (std::uint64_t left = total;;) {
    const auto chunk = NextChunk(archive.get(), total - left, std::min<std::uint64_t>(left, kChunk),
                                 EndWanted(options));
    if (!chunk.ok()) {
      auto answer = EndEarly(chunk.status(), options);
      return answer.ok() ? chunk.status() : answer.status();
    }
    left -= chunk->bytes().size();
    const auto [head, rest] = chunk_frame.Make(id, chunk->bytes(), left == 0);
    RETURN_IF_ERROR(WriteFrame(head, options));
    RETURN_IF_ERROR(WriteFrame(rest, options));
    if (left == 0) break;
    // What the host says meanwhile, which may be that it has no space.
    ASSIGN_OR_RETURN(const auto answer, Poll(options, absl::InfinitePast()));
    if (!answer.has_value()) continue;
    if (answer->has_failure()) return FailureStatus(host, answer->failure());
    return broken = FarEndLost(host, "it was done before all was sent");
  }
  RETURN_IF_ERROR(Await(options).status());
  return true;
}

absl::StatusOr<std::uint64_t> FarEnd::SendRelease(const hv1::ReceiveRelease& request,
                                                  const std::string& archive_path,
                                                  const CallOptions& options) {
  const std::uint64_t total = request.compressed_bytes();
  CallOptions bounded = options;
  if (options.on_progress) {
    bounded.on_progress = [&](std::uint64_t done) { options.on_progress(std::min(done, total)); };
  }
  hv1::ToHost message;
  *message.mutable_receive_release() = request;
  ASSIGN_OR_RETURN(const bool sent, impl_->SendChunks(message, archive_path, total, bounded));
  return sent ? total : 0;
}

absl::Status FarEnd::SendFile(const hv1::StoreFile& request, const std::string& local_path,
                              const CallOptions& options) {
  hv1::ToHost message;
  *message.mutable_store_file() = request;
  return impl_->SendChunks(message, local_path, request.size(), options).status();
}

}  // namespace dmgr::host

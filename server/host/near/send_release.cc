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

absl::StatusOr<std::uint64_t> FarEnd::SendRelease(const hv1::ReceiveRelease& request,
                                                  const std::string& archive_path,
                                                  const CallOptions& options) {
  const std::uint64_t total = request.compressed_bytes();
  ASSIGN_OR_RETURN(const auto archive, Archive::Open(archive_path, total));
  CallOptions bounded = options;
  if (options.on_progress) {
    bounded.on_progress = [&](std::uint64_t done) { options.on_progress(std::min(done, total)); };
  }

  hv1::ToHost message;
  *message.mutable_receive_release() = request;
  ASSIGN_OR_RETURN(const auto accepted, impl_->Call(message, bounded));
  if (!accepted.receive_release().wanted()) return 0;

  ChunkFrame frame;
  for (std::uint64_t left = total;;) {
    const auto chunk = NextChunk(archive.get(), total - left, std::min<std::uint64_t>(left, kChunk),
                                 impl_->EndWanted(options));
    if (!chunk.ok()) {
      auto answer = impl_->EndEarly(chunk.status(), bounded);
      return answer.ok() ? chunk.status() : answer.status();
    }
    left -= chunk->bytes().size();
    const auto [head, rest] = frame.Make(impl_->id, chunk->bytes(), left == 0);
    RETURN_IF_ERROR(impl_->WriteFrame(head, bounded));
    RETURN_IF_ERROR(impl_->WriteFrame(rest, bounded));
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

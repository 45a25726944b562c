// The conversation with a far end, for this room only.
#ifndef DMGR_SERVER_HOST_NEAR_FAR_END_IMPL_H_
#define DMGR_SERVER_HOST_NEAR_FAR_END_IMPL_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/host/near/far_end.h"
#include "server/host/near/frames.h"

namespace dmgr::host {

struct FarEnd::Impl {
  std::unique_ptr<Link> link;
  std::string host;
  FrameReader reader;
  hv1::BeginReply begin_reply;
  // Of the request under way, or the last one.
  std::uint64_t id = 0;
  absl::Time last_sent = absl::InfinitePast();
  // No clock that somebody sets: a host is not lost by that.
  std::chrono::steady_clock::time_point last_heard;
  // What was sent last: kept, so that not every chunk of a release needs memory of its own.
  std::string frame;
  // Notes of the request under way that were passed on.
  int notes = 0;
  // Not OK: of no use any more.
  absl::Status broken;
  // Of the stream under way, or null; the bytes of pieces that came, and those that the host knows
  // to be passed on.
  const StreamTaker* taker = nullptr;
  std::uint64_t streamed = 0;
  std::uint64_t acknowledged = 0;
  bool file_started = false;

  // A far end behind a link on which the hello has come, and after it `rest`.
  static absl::StatusOr<std::unique_ptr<FarEnd>> Start(std::unique_ptr<Link> link,
                                                       const std::string& host,
                                                       const std::string& rest,
                                                       const hv1::Begin& begin,
                                                       absl::Time deadline);

  // One request and its last answer, which is no failure.
  absl::StatusOr<hv1::FromHost> Call(hv1::ToHost request, const CallOptions& options);
  // Sends a message of the request under way.
  absl::Status Send(const hv1::ToHost& message, const CallOptions& options);
  // A frame of it, or a piece of one: then the next piece must follow.
  absl::Status WriteFrame(std::string_view left, const CallOptions& options);
  // The last answer to the request under way.
  absl::StatusOr<hv1::FromHost> Await(const CallOptions& options);
  // The same, nullopt when it has not come by `until`.
  absl::StatusOr<std::optional<hv1::FromHost>> Poll(const CallOptions& options, absl::Time until);
  // OK, or why the request is to end early.
  absl::Status EndWanted(const CallOptions& options) const;
  // Has the far end give up the request, and waits a little for it to do so.
  absl::StatusOr<hv1::FromHost> EndEarly(const absl::Status& why, const CallOptions& options);
  absl::Status PingIfQuiet();
  // Sends a request that is followed by `total` bytes of a file, if they are wanted; false: not.
  absl::StatusOr<bool> SendChunks(const hv1::ToHost& request, const std::string& path,
                                  std::uint64_t total, const CallOptions& options);

 private:
  absl::Status Break(const std::string& cause);
  // Hands over a message of the stream under way. Some of it is to be acknowledged: true.
  absl::StatusOr<bool> TakeStreamed(hv1::FromHost message);
  absl::Status Acknowledge(const CallOptions& options);
  absl::Time NextLook(const CallOptions& options) const;
  // Reads what comes until `until`; false when nothing came.
  absl::StatusOr<bool> Fill(absl::Time until);
};

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_FAR_END_IMPL_H_

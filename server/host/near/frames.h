// The far end's wire format: a hello line, then frames of a 4-byte little-endian length and one
// message each.
#ifndef DMGR_SERVER_HOST_NEAR_FRAMES_H_
#define DMGR_SERVER_HOST_NEAR_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "dmgr/host/v1/host.pb.h"

namespace dmgr::host {

namespace hv1 = ::dmgr::host::v1;

inline constexpr char kHello[] = "DMGR-HOST/1\n";
inline constexpr std::size_t kMaxFrame = 16U << 20;

// Replaces *frame by message as a frame. False: it is too big.
bool EncodeFrame(const hv1::ToHost& message, std::string* frame);

// Frames of ReleaseChunk whose data stays, but for its beginning, where it is.
class ChunkFrame {
 public:
  // The most of a head: what OpenSSH takes in one packet.
  static constexpr std::size_t kMaxHead = 32U << 10;
  // The most that comes before the data.
  static constexpr std::size_t kBefore = 32;

  // A frame is its head and then its rest, which is the end of data.
  struct Pieces {
    std::string_view head;
    std::string_view rest;
  };
  // For less than kMaxFrame of data. The head is good until the next call.
  Pieces Make(std::uint64_t id, std::string_view data, bool end);

 private:
  std::string buffer_ = std::string(kMaxHead, '\0');
};

// Finds a marker in a stream that says other things before (what rc files print).
class MarkerFinder {
 public:
  explicit MarkerFinder(std::string marker) : marker_(std::move(marker)) {}

  // True once the marker was there; rest() is then what came after it.
  bool Feed(std::string_view bytes);
  // 64 KiB came without it.
  bool gave_up() const { return gave_up_; }
  const std::string& rest() const { return seen_; }

 private:
  const std::string marker_;
  std::string seen_;
  bool gave_up_ = false;
};

// Takes frames apart. Whatever the bytes are, it holds little more than one frame.
class FrameReader {
 public:
  void Append(std::string_view bytes);
  // The next message, nullopt when it is not complete yet. After an error, which says what is wrong
  // with the bytes, the stream is of no use.
  absl::StatusOr<std::optional<hv1::FromHost>> Next();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;
};

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_FRAMES_H_

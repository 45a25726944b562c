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
inline constexpr std::size_t kMaxFrame = 16 * 1024 * 1024;

// Replaces *frame by message as a frame. False: it is too big.
bool EncodeFrame(const hv1::ToHost& message, std::string* frame);

// Frames of ReleaseChunk around data that is put where it is sent from.
class ChunkFrame {
 public:
  // For chunks of at most max_data bytes, less than kMaxFrame.
  explicit ChunkFrame(std::size_t max_data);

  char* data() { return buffer_.data() + kBefore; }
  // The frame of a chunk whose `size` bytes are at data(); good until the next call.
  std::string_view Make(std::uint64_t id, std::size_t size, bool end);

 private:
  // At most so much is before the data, and after it.
  static constexpr std::size_t kBefore = 64;
  static constexpr std::size_t kAfter = 8;

  std::string buffer_;
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

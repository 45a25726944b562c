#include "server/host/near/frames.h"

#include <cstdint>

#include "common/error.h"

namespace dmgr::host {
namespace {

constexpr std::size_t kHeader = 4;
constexpr std::size_t kMaxNoise = 64 * 1024;

}  // namespace

bool EncodeFrame(const hv1::ToHost& message, std::string* frame) {
  const std::size_t size = message.ByteSizeLong();
  if (size > kMaxFrame) return false;
  frame->resize(kHeader + size);
  for (std::size_t i = 0; i < kHeader; ++i) {
    (*frame)[i] = static_cast<char>(size >> (8 * i) & 0xFF);
  }
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(frame->data()) + kHeader);
  return true;
}

bool MarkerFinder::Feed(std::string_view bytes) {
  seen_ += bytes;
  const auto at = seen_.find(marker_);
  if (at == std::string::npos) {
    gave_up_ = seen_.size() > kMaxNoise;
    return false;
  }
  seen_.erase(0, at + marker_.size());
  return true;
}

void FrameReader::Append(std::string_view bytes) {
  buffer_.erase(0, begin_);
  begin_ = 0;
  buffer_ += bytes;
}

absl::StatusOr<std::optional<hv1::FromHost>> FrameReader::Next() {
  const std::string_view left = std::string_view(buffer_).substr(begin_);
  if (left.size() < kHeader) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < kHeader; ++i) {
    size |= static_cast<std::size_t>(static_cast<unsigned char>(left[i])) << (8 * i);
  }
  if (size > kMaxFrame) {
    return absl::InternalError(ToAbsl(fmt::format("a frame of {} bytes", size)));
  }
  if (left.size() < kHeader + size) return std::nullopt;
  hv1::FromHost message;
  if (!message.ParseFromArray(left.data() + kHeader, static_cast<int>(size))) {
    return absl::InternalError("a frame that is no message");
  }
  begin_ += kHeader + size;
  return message;
}

}  // namespace dmgr::host

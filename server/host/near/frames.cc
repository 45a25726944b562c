#include "server/host/near/frames.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <cstring>

#include "common/error.h"

namespace dmgr::host {
namespace {

constexpr std::size_t kHeader = 4;
constexpr std::size_t kMaxNoise = 64U << 10;

using Out = google::protobuf::io::CodedOutputStream;

void PutLength(std::size_t size, char* header) {
  for (std::size_t i = 0; i < kHeader; ++i) header[i] = static_cast<char>(size >> (8 * i) & 0xFF);
}

// A protobuf tag: the number of a field, and how its value is written.
constexpr std::uint32_t Varint(int field) { return static_cast<std::uint32_t>(field) << 3; }
constexpr std::uint32_t Bytes(int field) { return static_cast<std::uint32_t>(field) << 3 | 2; }

}  // namespace

bool EncodeFrame(const hv1::ToHost& message, std::string* frame) {
  const std::size_t size = message.ByteSizeLong();
  if (size > kMaxFrame) return false;
  frame->resize(kHeader + size);
  PutLength(size, frame->data());
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(frame->data()) + kHeader);
  return true;
}

ChunkFrame::Pieces ChunkFrame::Make(std::uint64_t id, std::string_view data, bool end) {
  // The chunk's own message up to the data; a field may come before one with a smaller number.
  std::uint8_t chunk[kBefore];
  std::uint8_t* last = chunk;
  if (end) {
    last = Out::WriteTagToArray(Varint(hv1::ReleaseChunk::kEndFieldNumber), last);
    last = Out::WriteVarint32ToArray(1, last);
  }
  last = Out::WriteTagToArray(Bytes(hv1::ReleaseChunk::kDataFieldNumber), last);
  last = Out::WriteVarint64ToArray(data.size(), last);
  const auto chunk_head = static_cast<std::size_t>(last - chunk);

  auto* const begin = reinterpret_cast<std::uint8_t*>(buffer_.data());
  std::uint8_t* at = begin + kHeader;
  at = Out::WriteTagToArray(Varint(hv1::ToHost::kIdFieldNumber), at);
  at = Out::WriteVarint64ToArray(id, at);
  at = Out::WriteTagToArray(Bytes(hv1::ToHost::kReleaseChunkFieldNumber), at);
  at = Out::WriteVarint64ToArray(chunk_head + data.size(), at);
  at = std::copy(chunk, last, at);
  const auto before = static_cast<std::size_t>(at - begin);
  PutLength(before - kHeader + data.size(), buffer_.data());

  const std::size_t copied = std::min(data.size(), kMaxHead - kBefore);
  std::memcpy(at, data.data(), copied);
  return {{buffer_.data(), before + copied}, data.substr(copied)};
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

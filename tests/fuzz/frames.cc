// Bytes on the line between dmgrd and a far end, before they are messages.
#include "server/host/near/frames.h"

#include <google/protobuf/message_lite.h>

#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

// In pieces of `size`; how many messages there were.
int Read(std::string_view bytes, std::size_t size, bool* broken) {
  host::FrameReader reader;
  int messages = 0;
  while (!bytes.empty()) {
    reader.Append(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
    for (auto next = reader.Next(); next.ok() && next->has_value(); next = reader.Next())
      ++messages;
    if (!reader.Next().ok()) {
      *broken = true;
      break;
    }
  }
  return messages;
}

void CheckChunk(std::uint64_t id, std::string_view data, bool end) {
  static auto* const kMaker = new host::ChunkFrame;
  const auto pieces = kMaker->Make(id, data, end);
  std::string frame(pieces.head);
  frame += pieces.rest;
  Must(frame.size() >= 4, "a frame without a length");
  host::hv1::ToHost message;
  Must(message.ParseFromArray(frame.data() + 4, static_cast<int>(frame.size() - 4)),
       "a chunk is no message");
  Must(message.id() == id && message.release_chunk().data() == data &&
           message.release_chunk().end() == end,
       "another chunk");
  // A message leaves out what is empty.
  std::string same;
  Must(host::EncodeFrame(message, &same) && (data.empty() || same.size() == frame.size()),
       "another length");
}

}  // namespace

void FuzzFrames(std::string_view input) {
  const std::size_t size = TakeByte(&input) + 1;
  bool broken_at_once = false;
  bool broken_in_pieces = false;
  const int at_once = Read(input, input.size() + 1, &broken_at_once);
  const int in_pieces = Read(input, size, &broken_in_pieces);
  Must(at_once == in_pieces && broken_at_once == broken_in_pieces,
       "in pieces it is something else");
  CheckChunk(size * 1'000'003, input, size % 2 == 0);
  host::MarkerFinder hello(host::kHello);
  for (std::size_t at = 0; at < input.size() && !hello.Feed(input.substr(at, size)); at += size) {
  }
}

}  // namespace dmgr::fuzz

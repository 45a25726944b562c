#include <algorithm>
#include <cstring>
#include <random>

#include "server/host/near/frames.h"
#include "tests/host/near_test_support.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

using host::EncodeFrame;
using host::FrameReader;
using host::MarkerFinder;

std::string FrameOf(const host::hv1::FromHost& message) {
  // Both directions have the same frames.
  const std::string body = message.SerializeAsString();
  std::string frame(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) frame[i] = static_cast<char>(body.size() >> (8 * i) & 0xFF);
  return frame + body;
}

TEST_CASE("frames come apart wherever the stream is cut") {
  std::string stream;
  for (int i = 1; i <= 3; ++i) {
    host::hv1::FromHost message;
    message.set_id(static_cast<std::uint64_t>(i));
    message.mutable_log_text()->set_text(std::string(static_cast<std::size_t>(i) * 200, 'x'));
    stream += FrameOf(message);
  }
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    FrameReader reader;
    std::uint64_t id = 0;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.Append(std::string_view(stream).substr(at, piece));
      while (true) {
        auto message = reader.Next();
        REQUIRE(message.ok());
        if (!message->has_value()) break;
        CHECK((*message)->id() == ++id);
        CHECK((*message)->log_text().text().size() == id * 200);
      }
    }
    CHECK(id == 3);
  }
}

TEST_CASE("random bytes are an error or not enough, never a crash") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 300, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    // Small lengths, or most rounds would end at the first check.
    if (bytes.size() > 4) bytes[1] = bytes[2] = bytes[3] = 0;
    FrameReader reader;
    reader.Append(bytes);
    for (int i = 0; i < 100; ++i) {
      auto message = reader.Next();
      if (!message.ok() || !message->has_value()) break;
    }
  }
}

TEST_CASE("a frame holds exactly the message") {
  host::hv1::ToHost message;
  message.set_id(300);
  message.mutable_release_chunk()->set_data(std::string(70000, 'd'));
  std::string frame = "what was there before";
  REQUIRE(EncodeFrame(message, &frame));
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(frame[i]); };
  CHECK((byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24) ==
        static_cast<int>(frame.size()) - 4);
  host::hv1::ToHost back;
  REQUIRE(back.ParseFromString(frame.substr(4)));
  CHECK(back.SerializeAsString() == message.SerializeAsString());
  message.mutable_release_chunk()->set_data(std::string(host::kMaxFrame, 'd'));
  CHECK_FALSE(EncodeFrame(message, &frame));
}

TEST_CASE("a chunk's frame is that of its message") {
  host::ChunkFrame frame;
  const std::size_t head = host::ChunkFrame::kMaxHead;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{127}, std::size_t{128},
                                 head - host::ChunkFrame::kBefore, head, std::size_t{1} << 20}) {
    std::string data(size, 'd');
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * 31 >> 3);
    for (const std::uint64_t id : {std::uint64_t{1}, std::uint64_t{300}, ~std::uint64_t{0}}) {
      for (const bool end : {false, true}) {
        host::hv1::ToHost message;
        message.set_id(id);
        message.mutable_release_chunk()->set_data(data);
        message.mutable_release_chunk()->set_end(end);
        const auto pieces = frame.Make(id, data, end);
        CHECK(pieces.head.size() <= head);
        CHECK(pieces.rest.end() == std::string_view(data).end());
        const std::string made = std::string(pieces.head).append(pieces.rest);
        host::hv1::ToHost back;
        REQUIRE(back.ParseFromArray(made.data() + 4, static_cast<int>(made.size()) - 4));
        CHECK(back.SerializeAsString() == message.SerializeAsString());
        std::uint32_t length = 0;
        std::memcpy(&length, made.data(), sizeof(length));
        CHECK(length == made.size() - 4);
      }
    }
  }
}

TEST_CASE("a marker is found in what comes around it") {
  MarkerFinder finder("mark\n");
  CHECK_FALSE(finder.Feed("hello mark, ma"));
  CHECK_FALSE(finder.Feed("rk"));
  CHECK(finder.Feed("\nrest"));
  CHECK(finder.rest() == "rest");
  MarkerFinder hopeless("mark\n");
  CHECK_FALSE(hopeless.Feed(std::string(64U << 10, 'x')));
  CHECK_FALSE(hopeless.gave_up());
  CHECK_FALSE(hopeless.Feed("x"));
  CHECK(hopeless.gave_up());
}

TEST_CASE("the far end's programs are loaded by architecture") {
  const test::TempDir folder;
  CHECK(Reason(host::FarEndProgram::Load(folder.path()).status()) == "FAR_END_MISSING");
  folder.Write("dmgr-host",
               "\x7f"
               "ELF of this machine");
  folder.Write("dmgr-host-riscv64",
               "\x7f"
               "ELF of another one");
  folder.Write("dmgr-host-riscv64.debug", "something else");
  auto program = host::FarEndProgram::Load(folder.path());
  REQUIRE(program.ok());
  REQUIRE(program->by_arch.size() == 2);
  const auto& image = program->by_arch.at("riscv64");
  CHECK(image.content ==
        "\x7f"
        "ELF of another one");
  // b2sum -l 256
  CHECK(image.hash == "4c891b809bcd263103890da826157ddf122e2abf41bb9d9598d501dd49ad6775");
  folder.Write("dmgr-host-riscv64", "#!/bin/sh");
  CHECK(Reason(host::FarEndProgram::Load(folder.path()).status()) == "FAR_END_UNREADABLE");
}

}  // namespace
}  // namespace dmgr::testing

#include "tests/host/far_release.h"

#include <catch2/catch.hpp>
#include <filesystem>

namespace dmgr::test {

namespace fs = std::filesystem;

std::string Noise(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

Release MakeRelease(const TempRoot& root, std::size_t program_bytes) {
  root.Write("src/bin/dm-worker", Noise(program_bytes, 1), 0755);
  root.Write("src/homepath/public/ü.css", "a { }");
  root.Write("src/homepath/public/" + std::string(120, 'n'), "");
  root.Write("src/homepath/run.sh", "#!/bin/sh\n", 0755);
  fs::create_directories(root / "src/homepath/none");
  const auto info = package::WriteRelease(
      "dm-worker", {{"bin", root / "src/bin"}, {"homepath", root / "src/homepath"}},
      root / "release.tar.zst");
  REQUIRE(info.ok());
  return {info->hash, root.Read("release.tar.zst"), info->unpacked_bytes, info->archive_hash};
}

hv1::ToHost ReceiveRequest(const Release& release) {
  hv1::ToHost request;
  auto* receive = request.mutable_receive_release();
  receive->set_store_dir(kStore);
  receive->set_hash(release.hash);
  receive->set_compressed_bytes(release.archive.size());
  receive->set_unpacked_bytes(release.unpacked);
  receive->set_archive_hash(release.archive_hash);
  return request;
}

void SendChunks(const FarProcess& far, const std::string& bytes, std::size_t size, bool end) {
  hv1::ToHost message;
  message.set_id(far.last_id());
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    message.mutable_release_chunk()->set_data(bytes.substr(at, size));
    message.mutable_release_chunk()->set_end(end && at + size >= bytes.size());
    far.Send(message);
  }
}

hv1::FromHost Finish(FarProcess& far) {
  while (true) {
    auto reply = far.Receive();
    REQUIRE(reply.has_value());
    REQUIRE(reply->id() == far.last_id());
    if (!reply->has_progress()) return *reply;
  }
}

hv1::FromHost Push(FarProcess& far, const Release& release, std::size_t chunk) {
  const auto reply = far.Call(ReceiveRequest(release));
  if (!reply.receive_release().wanted()) return reply;
  SendChunks(far, release.archive, chunk);
  return Finish(far);
}

struct stat StatOf(const std::string& path) {
  struct stat info = {};
  REQUIRE(lstat(path.c_str(), &info) == 0);
  return info;
}

}  // namespace dmgr::test

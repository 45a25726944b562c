#include <sys/wait.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/ssh/session.h"
#include "tests/support/temp_dir.h"

namespace dmgr::ssh {
namespace {

namespace fs = std::filesystem;

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What OpenSSH's own tool says.
std::string Run(const std::string& command) {
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen");
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), got);
  }
  INFO(command << ": " << output);
  REQUIRE(pclose(pipe) == 0);
  return output;
}

// The reason with which a login with this key fails where nobody listens: a bad key fails first.
std::string ReasonWith(const std::string& private_key, const std::string& passphrase) {
  Endpoint endpoint{.host = "127.0.0.1", .port = 1, .user = "root"};
  endpoint.private_key = private_key;
  endpoint.passphrase = passphrase;
  const absl::Status status = Session::Connect(endpoint, absl::Now() + absl::Seconds(5)).status();
  if (!private_key.empty()) {
    CHECK(Message(status).find(private_key) == std::string_view::npos);
  }
  CHECK((passphrase.empty() || Message(status).find(passphrase) == std::string_view::npos));
  return Reason(status);
}

TEST_CASE("a new key pair is one that OpenSSH takes") {
  auto pair = GenerateKeyPair("dmgr:test");
  REQUIRE(pair.ok());
  const test::TempDir folder;
  fs::permissions(folder.Write("key", pair->private_key), fs::perms::owner_read);
  // It keeps no comment in the private key.
  CHECK(Run("ssh-keygen -y -f " + (folder / "key")) + " dmgr:test" ==
        pair->public_key.substr(0, pair->public_key.rfind(' ')) + "\n dmgr:test");
  CHECK(ReasonWith(pair->private_key, "") == "HOST_UNREACHABLE");
  auto other = GenerateKeyPair("dmgr:test");
  REQUIRE(other.ok());
  CHECK(other->public_key != pair->public_key);
}

TEST_CASE("fingerprints are those of ssh-keygen") {
  const std::string type = GENERATE("ed25519", "ecdsa", "rsa");
  const test::TempDir folder;
  Run("ssh-keygen -q -N '' -t " + type + " -f " + (folder / "key"));
  const std::string shown = Run("ssh-keygen -lf " + (folder / "key.pub"));
  const std::string fingerprint = Fingerprint(Read(folder / "key.pub"));
  CHECK_THAT(fingerprint, Catch::StartsWith("SHA256:"));
  CHECK_THAT(shown, Catch::Contains(" " + fingerprint + " "));
}

TEST_CASE("a malformed key line has no fingerprint") {
  for (const char* line : {"", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-ed25519 AAAA", "AAAA",
                           "ssh-unknown AAAAC3NzaC1lZDI1NTE5AAAAIA=="}) {
    CHECK(Fingerprint(line).empty());
  }
}

TEST_CASE("private keys are read with the right passphrase only") {
  // OpenSSH's format and PEM's two.
  const std::string kind = GENERATE("-t ed25519", "-t rsa -m PEM", "-t ecdsa -m PKCS8");
  const test::TempDir folder;
  Run("ssh-keygen -q -N 'right one' " + kind + " -f " + (folder / "key"));
  const std::string key = Read(folder / "key");
  CHECK(ReasonWith(key, "right one") == "HOST_UNREACHABLE");
  CHECK(ReasonWith(key, "wrong one") == "BAD_PRIVATE_KEY");
  CHECK(ReasonWith(key, "") == "BAD_PRIVATE_KEY");
  Run("ssh-keygen -q -p -P 'right one' -N '' -f " + (folder / "key"));
  CHECK(ReasonWith(Read(folder / "key"), "not needed") == "HOST_UNREACHABLE");
}

TEST_CASE("what is no private key is refused") {
  auto pair = GenerateKeyPair("");
  REQUIRE(pair.ok());
  CHECK(ReasonWith("rubbish", "") == "BAD_PRIVATE_KEY");
  CHECK(ReasonWith(pair->public_key, "") == "BAD_PRIVATE_KEY");
  CHECK(ReasonWith(pair->private_key.text().substr(0, 200), "") == "BAD_PRIVATE_KEY");
}

}  // namespace
}  // namespace dmgr::ssh

// What the tests of dmgrctl's parts share.
#ifndef DMGR_TESTS_UNIT_CLIENT_SUPPORT_H_
#define DMGR_TESTS_UNIT_CLIENT_SUPPORT_H_

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "client/terminal.h"

namespace dmgr::client {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

inline std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Keeps what is printed.
class FakeTerminal final : public Terminal {
 public:
  explicit FakeTerminal(bool is_live) : Terminal(&out_, &err_, is_live) {}
  int Width() const override { return width; }
  bool Interactive() const override { return false; }
  absl::StatusOr<std::string> AskSecret(const std::string&) override { return std::string(); }
  absl::StatusOr<bool> Confirm(const std::string&) override { return true; }
  std::string Out() const { return out_.str(); }
  std::string Err() const { return err_.str(); }

  int width = 80;

 private:
  std::ostringstream out_;
  std::ostringstream err_;
};

}  // namespace dmgr::client

#endif  // DMGR_TESTS_UNIT_CLIENT_SUPPORT_H_

#include "client/topology/mistakes.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"

namespace dmgr::client {
namespace {

constexpr std::size_t kShownProblems = 100;

// How many bytes of well-formed UTF-8 begin at `at`; 0 when none do.
std::size_t CharacterAt(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Too long forms, surrogates, and beyond the last character.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return size;
}

}  // namespace

int LineThatIsNoText(const std::string& text) {
  int line = 1;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = CharacterAt(text, at);
    if (size == 0) return line;
    if (text[at] == '\n') ++line;
    at += size;
  }
  return 0;
}

absl::Status BadFile(std::vector<Mistake> mistakes, const std::string& file_name) {
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.line < b.line; });
  const std::size_t all = mistakes.size();
  const bool more = all > kShownProblems;
  mistakes.resize(std::min(all, kShownProblems));
  std::vector<std::string> lines;
  for (const Mistake& mistake : mistakes) {
    lines.push_back(fmt::format("{}:{}: {}", file_name, mistake.line, mistake.text));
  }
  Error error(absl::StatusCode::kInvalidArgument, "BAD_TOPOLOGY_FILE", "{}{}",
              fmt::join(lines, "; "), more ? fmt::format("; {} problems in all", all) : "");
  for (const Mistake& mistake : mistakes) {
    error.Field(fmt::format("{}:{}", file_name, mistake.line), mistake.text);
  }
  if (more) error.Field(file_name, fmt::format("{} problems in all", all));
  return error;
}

}  // namespace dmgr::client

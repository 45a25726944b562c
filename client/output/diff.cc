#include "client/output/diff.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <vector>

namespace dmgr::client {
namespace {

constexpr std::size_t kContext = 3;

using Lines = std::vector<std::string>;

struct Line {
  char mark;
  const std::string* text;
};

Lines Split(const std::string& text) {
  Lines lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The lines of both, in order, those that they have in common once.
std::vector<Line> Merge(const Lines& before, const Lines& after) {
  // Of the rest of both from here, how many lines they have in common at most.
  const std::size_t width = after.size() + 1;
  std::vector<std::uint32_t> common((before.size() + 1) * width, 0);
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t k = after.size(); k-- > 0;) {
      common[i * width + k] =
          before[i] == after[k] ? common[(i + 1) * width + k + 1] + 1
                                : std::max(common[(i + 1) * width + k], common[i * width + k + 1]);
    }
  }
  std::vector<Line> lines;
  std::size_t i = 0;
  std::size_t k = 0;
  while (i < before.size() || k < after.size()) {
    if (i < before.size() && k < after.size() && before[i] == after[k]) {
      lines.push_back({' ', &before[i++]});
      ++k;
    } else if (k == after.size() ||
               (i < before.size() && common[(i + 1) * width + k] >= common[i * width + k + 1])) {
      lines.push_back({'-', &before[i++]});
    } else {
      lines.push_back({'+', &after[k++]});
    }
  }
  return lines;
}

}  // namespace

std::string LineDiff(const std::string& before, const std::string& after) {
  const Lines old_lines = Split(before);
  const Lines new_lines = Split(after);
  const std::vector<Line> lines = Merge(old_lines, new_lines);
  std::vector<bool> shown(lines.size(), false);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].mark == ' ') continue;
    const std::size_t end = std::min(lines.size(), i + kContext + 1);
    for (std::size_t k = i - std::min(i, kContext); k < end; ++k) shown[k] = true;
  }
  std::string text;
  bool is_gap = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!shown[i]) {
      is_gap = true;
      continue;
    }
    if (is_gap && !text.empty()) text += "...\n";
    is_gap = false;
    text += std::string(1, lines[i].mark) + " " + *lines[i].text + "\n";
  }
  return text;
}

}  // namespace dmgr::client

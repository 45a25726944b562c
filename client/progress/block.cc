#include "client/progress/block.h"

#include <fmt/format.h>

#include <algorithm>

namespace dmgr::client {
namespace {

bool BeginsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

int Columns(const std::string& text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), BeginsCharacter));
}

}  // namespace

std::string Cut(const std::string& text, int columns) {
  if (Columns(text) <= columns) return text;
  constexpr int kDots = 3;
  int left = std::max(columns - kDots, 0);
  std::size_t end = 0;
  while (end < text.size() && (left > 0 || !BeginsCharacter(text[end]))) {
    if (BeginsCharacter(text[end])) --left;
    ++end;
  }
  return text.substr(0, end) + std::string(static_cast<std::size_t>(kDots), '.');
}

// A terminal that became narrower has broken the lines that no longer fit.
std::string Block::Erase() {
  const int width = terminal_->Width();
  int rows = 0;
  for (const int columns : drawn_) rows += std::max(1, (columns + width - 1) / width);
  drawn_.clear();
  return rows == 0 ? std::string() : fmt::format("\x1b[{}F\x1b[J", rows);
}

std::string Block::Show(const std::vector<std::string>& lines) {
  std::string text;
  const int most = std::max(1, terminal_->Height() - 1);
  for (const auto& line : lines) {
    if (static_cast<int>(drawn_.size()) == most) break;
    // The last column stays free: some terminals go to the next line as soon as it is used.
    const std::string cut = Cut(line, terminal_->Width() - 1);
    text += cut + "\n";
    drawn_.push_back(Columns(cut));
  }
  return text;
}

// One write a frame: nothing flickers.
void Block::Draw(const std::vector<std::string>& lines) {
  std::string frame = Erase();
  frame += Show(lines);
  terminal_->err() << frame << std::flush;
}

void Block::Clear() { terminal_->err() << Erase() << std::flush; }

void Block::Above(const std::string& line, const std::vector<std::string>& lines) {
  std::string frame = Erase() + line + "\n";
  frame += Show(lines);
  terminal_->err() << frame << std::flush;
}

}  // namespace dmgr::client

#include "client/output/prefixed.h"

namespace dmgr::client {
namespace {

// A line that is longer is shown in parts.
constexpr std::size_t kMaxLine = 1U << 20;

}  // namespace

std::string Harmless(std::string_view text) {
  std::string harmless(text);
  for (std::size_t i = 0; i < harmless.size(); ++i) {
    const auto byte = static_cast<unsigned char>(harmless[i]);
    const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
    // U+0080 to U+009F: some terminals obey them as well.
    const bool second =
        byte >= 0x80 && byte < 0xa0 && i > 0 && static_cast<unsigned char>(text[i - 1]) == 0xc2;
    if (control || second) harmless[i] = '?';
    if (second) harmless[i - 1] = '?';
  }
  return harmless;
}

void Prefixed::Put(std::string_view text) {
  *out_ << prefix_ << (harmless_ ? Harmless(text) : std::string(text));
}

void Prefixed::Take(std::string_view data) {
  if (prefix_.empty()) {
    Put(data);
    out_->flush();
    return;
  }
  while (!data.empty()) {
    const std::size_t newline = data.find('\n');
    begun_ += data.substr(0, newline);
    if (newline == std::string_view::npos) {
      if (begun_.size() > kMaxLine) End();
      break;
    }
    Put(begun_);
    *out_ << '\n';
    begun_.clear();
    data.remove_prefix(newline + 1);
  }
  out_->flush();
}

void Prefixed::End() {
  if (begun_.empty()) return;
  Put(begun_);
  *out_ << '\n' << std::flush;
  begun_.clear();
}

}  // namespace dmgr::client

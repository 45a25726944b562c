#include <stdexcept>

#include "common/utf8.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {

void Must(bool holds, std::string_view words) {
  if (!holds) throw std::logic_error(std::string(words));
}

bool IsPlainText(std::string_view text, std::string_view allowed) {
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    if (length == 0) return false;
    const std::string_view sequence = text.substr(0, length);
    if (IsControl(sequence) && allowed.find(sequence) == std::string_view::npos) return false;
    text.remove_prefix(length);
  }
  return true;
}

unsigned TakeByte(std::string_view* input) {
  if (input->empty()) return 0;
  const auto byte = static_cast<unsigned char>(input->front());
  input->remove_prefix(1);
  return byte;
}

std::string TakeUntil(std::string_view* input, char end) {
  const auto at = input->find(end);
  std::string taken(input->substr(0, at));
  input->remove_prefix(at == std::string_view::npos ? input->size() : at + 1);
  return taken;
}

}  // namespace dmgr::fuzz

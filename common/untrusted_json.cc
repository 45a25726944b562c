#include "common/untrusted_json.h"

namespace dmgr {
namespace {

bool Fits(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) return false;
  int depth = 0;
  std::size_t values = 1;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        quoted = !quoted;
        break;
      case '\\':
        if (quoted) ++i;
        break;
      case '[':
      case '{':
        if (!quoted && ++depth > limits.depth) return false;
        [[fallthrough]];
      case ',':
        if (!quoted && ++values > limits.values) return false;
        break;
      case ']':
      case '}':
        if (!quoted) --depth;
        break;
      default:
        break;
    }
  }
  return true;
}

}  // namespace

std::optional<nlohmann::json> ParseUntrustedJson(std::string_view text, const JsonLimits& limits) {
  if (!Fits(text, limits)) return std::nullopt;
  auto parsed = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return std::nullopt;
  return parsed;
}

}  // namespace dmgr

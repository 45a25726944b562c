// JSON that comes from hosts.
#include <algorithm>

#include "common/untrusted_json.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

int DepthOf(const nlohmann::json& value) {
  int deepest = 0;
  if (value.is_structured()) {
    for (const auto& child : value) deepest = std::max(deepest, DepthOf(child));
  }
  return deepest + (value.is_structured() ? 1 : 0);
}

}  // namespace

void FuzzJson(std::string_view input) {
  JsonLimits limits;
  limits.depth = static_cast<int>(TakeByte(&input) % 40);
  limits.values = 4 * TakeByte(&input);
  const auto value = ParseUntrustedJson(input, limits);
  const bool is_json = nlohmann::json::accept(input);
  Must(is_json || !value.has_value(), "what is no JSON is read as some");
  if (!value.has_value()) return;
  Must(DepthOf(*value) <= limits.depth, "deeper than may be");
  const auto again = ParseUntrustedJson(value->dump(), limits);
  Must(again.has_value() && *again == *value, "what was read is not what was written");
}

}  // namespace dmgr::fuzz

#include "server/members/last_reload.h"

#include <cstdlib>
#include <optional>

#include "common/components/traits.h"

namespace dmgr::members {
namespace {

std::optional<double> ValueOf(const std::string& metrics, const std::string& name) {
  const std::string line = "\n" + name + " ";
  const auto at = metrics.find(line);
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(metrics.c_str() + at + line.size(), nullptr);
}

}  // namespace

absl::StatusOr<LastReload> ReadLastReload(components::Component component,
                                          const std::string& metrics) {
  const std::string base(components::TraitsOf(component).reload_metrics);
  const auto succeeded = ValueOf(metrics, base + "successful");
  const auto time = ValueOf(metrics, base + "success_timestamp_seconds");
  if (!succeeded.has_value() || !time.has_value()) {
    return absl::UnavailableError("it does not say when it has read its configuration");
  }
  return LastReload{*succeeded != 0, *time};
}

}  // namespace dmgr::members

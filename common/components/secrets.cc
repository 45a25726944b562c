#include "common/components/secrets.h"

namespace dmgr::components {

bool IsGrafanaSecret(std::string_view key) {
  for (const std::string_view end : {"password", "secret", "secret_key", "token"}) {
    if (key.ends_with(end)) return true;
  }
  return false;
}

}  // namespace dmgr::components

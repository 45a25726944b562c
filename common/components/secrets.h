// Which keys of components' configurations hold secrets.
#ifndef DMGR_COMMON_COMPONENTS_SECRETS_H_
#define DMGR_COMMON_COMPONENTS_SECRETS_H_

#include <string_view>

namespace dmgr::components {

// Of grafana.ini, as "section.key": it ends in password, secret, secret_key or token.
bool IsGrafanaSecret(std::string_view key);

}  // namespace dmgr::components

#endif  // DMGR_COMMON_COMPONENTS_SECRETS_H_

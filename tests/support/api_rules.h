// Who may call what, of the whole API.
#ifndef DMGR_TESTS_SUPPORT_API_RULES_H_
#define DMGR_TESTS_SUPPORT_API_RULES_H_

#include <stdexcept>
#include <vector>

#include "server/auth/roles.h"
#include "tests/support/api_methods.h"

namespace dmgr::testing {

// Of every service. Throws when the rules of one are not complete.
inline std::vector<auth::MethodRule> ApiRules() {
  std::vector<auth::MethodRule> all;
  for (const auto* service : ApiServices()) {
    const auto rules = auth::RulesOf(service->full_name());
    if (!rules.ok()) throw std::runtime_error(rules.status().ToString());
    all.insert(all.end(), rules->begin(), rules->end());
  }
  return all;
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_API_RULES_H_

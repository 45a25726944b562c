// Roles as people type them: of users and of API tokens.
#ifndef DMGR_CLIENT_COMMANDS_ROLES_H_
#define DMGR_CLIENT_COMMANDS_ROLES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/syntax.h"
#include "common/enum_words.h"
#include "dmgr/v1/access.pb.h"

namespace dmgr::client {

struct RoleOptions {
  std::string role;
  std::vector<std::string> clusters;
  std::vector<std::string> labels;
  // For the other clusters; empty: none.
  std::string elsewhere;
  bool all_clusters = false;
};

// --role, --cluster, --label, --elsewhere; returns --role.
Option DeclareRoles(const Syntax& syntax, RoleOptions* options);
// The role is for some clusters.
bool IsScoped(const RoleOptions& options);
// INVALID_ARGUMENT for clusters without a role, and for labels that are none.
absl::Status CheckRoleOptions(const RoleOptions& options, v1::Grant* grant);

// owner: a v1::User or a v1::Token. Without --role nothing is set.
template <typename Owner>
absl::Status SetRoles(const RoleOptions& options, Owner* owner) {
  v1::Grant grant;
  if (const absl::Status wrong = CheckRoleOptions(options, &grant); !wrong.ok()) return wrong;
  if (!IsScoped(options)) {
    if (!options.role.empty()) owner->set_role(FromWord<v1::Role>(options.role));
    return absl::OkStatus();
  }
  if (!options.elsewhere.empty()) owner->set_role(FromWord<v1::Role>(options.elsewhere));
  *owner->add_grants() = grant;
  return absl::OkStatus();
}

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_ROLES_H_

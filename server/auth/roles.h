// Who may call what.
#ifndef DMGR_SERVER_AUTH_ROLES_H_
#define DMGR_SERVER_AUTH_ROLES_H_

#include <string_view>
#include <vector>

#include "dmgr/v1/auth_service.pb.h"

namespace dmgr::auth {

struct MethodRule {
  // "dmgr.v1.ClusterService/DeployCluster".
  std::string_view method;
  // The least role that may call it; ROLE_UNSPECIFIED: no session is needed.
  v1::Role role;
  // It changes something: goes into the audit log.
  bool mutating;
};

// Every method of the services in proto/dmgr/v1.
const std::vector<MethodRule>& MethodRules();

// method with or without gRPC's leading slash. nullptr: not listed, which means denied.
const MethodRule* FindMethodRule(std::string_view method);

// Each role includes those before it. A role that is none allows nothing.
bool Allows(v1::Role role, const MethodRule& rule);

}  // namespace dmgr::auth

#endif  // DMGR_SERVER_AUTH_ROLES_H_

// Who may call what, as the methods themselves say: option (dmgr.v1.access) in proto/dmgr/v1.
#ifndef DMGR_SERVER_AUTH_ROLES_H_
#define DMGR_SERVER_AUTH_ROLES_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/access.pb.h"

namespace dmgr::auth {

struct MethodRule {
  // "dmgr.v1.ClusterService/DeployCluster".
  std::string method;
  v1::Access access;
  // Its requests, or its answers, are a stream.
  bool streams_in = false;
  bool streams_out = false;
};

// The rules of a service, by the name that its generated code has ("dmgr.v1.ClusterService"), one
// for each method. INTERNAL when a method has no option, or one that says nothing, or does not say
// which clusters it is of, or shares its request with another method: then RuleOf could not tell
// them apart.
absl::StatusOr<std::vector<MethodRule>> RulesOf(const std::string& service);

// The rule of the method that takes this request. PERMISSION_DENIED when there is none: what
// nobody declared nobody may call.
absl::StatusOr<MethodRule> RuleOf(const google::protobuf::Descriptor& request);

// Each role includes those before it. A role that is none allows nothing.
bool Allows(v1::Role role, const MethodRule& rule);

}  // namespace dmgr::auth

#endif  // DMGR_SERVER_AUTH_ROLES_H_

#include "server/auth/roles.h"

#include <set>

#include "common/error.h"

namespace dmgr::auth {
namespace {

using google::protobuf::MethodDescriptor;

MethodRule RuleOf(const MethodDescriptor& method) {
  return {method.service()->full_name() + "/" + method.name(),
          method.options().GetExtension(v1::access), method.client_streaming(),
          method.server_streaming()};
}

// Either a role, or the word that none is needed: never both, and never neither.
bool IsComplete(const MethodRule& rule) {
  const v1::Access& access = rule.access;
  return (access.role() != v1::ROLE_UNSPECIFIED && v1::Role_IsValid(access.role())) !=
         access.without_session();
}

absl::Status Incomplete(const std::string& service, const std::string& what) {
  return Error(absl::StatusCode::kInternal, "RULES_INCOMPLETE", "{}: {}", service, what);
}

}  // namespace

absl::StatusOr<std::vector<MethodRule>> RulesOf(const std::string& service) {
  const auto* found =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
  if (found == nullptr) return Incomplete(service, "is not linked in");
  std::vector<MethodRule> rules;
  std::set<const google::protobuf::Descriptor*> requests;
  for (int i = 0; i < found->method_count(); ++i) {
    const MethodDescriptor& method = *found->method(i);
    rules.push_back(RuleOf(method));
    if (!IsComplete(rules.back()))
      return Incomplete(service, method.name() + " has no access rule");
    if (method.input_type()->file() != found->file() ||
        !requests.insert(method.input_type()).second) {
      return Incomplete(service, method.name() + " has no request of its own");
    }
  }
  return rules;
}

absl::StatusOr<MethodRule> RuleOf(const google::protobuf::Descriptor& request) {
  const auto& file = *request.file();
  for (int s = 0; s < file.service_count(); ++s) {
    for (int m = 0; m < file.service(s)->method_count(); ++m) {
      const MethodDescriptor& method = *file.service(s)->method(m);
      if (method.input_type() != &request) continue;
      MethodRule rule = RuleOf(method);
      if (IsComplete(rule)) return rule;
    }
  }
  return Error(absl::StatusCode::kPermissionDenied, "NO_RULE", "{} has no access rule",
               request.full_name());
}

bool Allows(v1::Role role, const MethodRule& rule) {
  if (rule.access.without_session()) return true;
  return v1::Role_IsValid(role) && role >= rule.access.role();
}

}  // namespace dmgr::auth

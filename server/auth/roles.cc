#include "server/auth/roles.h"

#include <set>

#include "absl/strings/str_split.h"
#include "common/error.h"
#include "dmgr/v1/cluster_service.pb.h"

namespace dmgr::auth {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
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

// Whether the request has a field that names a cluster or an operation.
bool IsOfClusters(const Descriptor& request) {
  for (int i = 0; i < request.field_count(); ++i) {
    const FieldDescriptor& field = *request.field(i);
    if (field.name() == "cluster_name" || field.name() == "operation_id") return true;
    if (field.message_type() == v1::Cluster::descriptor()) return true;
  }
  return false;
}

bool Exists(const Descriptor& request, const std::string& path) {
  const Descriptor* message = &request;
  const FieldDescriptor* field = nullptr;
  for (const absl::string_view part : absl::StrSplit(ToAbsl(path), '.')) {
    if (message == nullptr) return false;
    field = message->FindFieldByName(std::string(part));
    if (field == nullptr || field->is_repeated()) return false;
    message = field->message_type();
  }
  return field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

// Empty: the rule says which clusters the call is of, or that it is of none.
std::string WhatIsWrongWithFields(const MethodDescriptor& method, const MethodRule& rule) {
  const v1::Access& access = rule.access;
  const Descriptor& request = *method.input_type();
  for (const std::string& path : access.cluster_fields()) {
    if (!Exists(request, path)) return "has no field " + path;
  }
  if (!access.operation_field().empty() && !Exists(request, access.operation_field())) {
    return "has no field " + access.operation_field();
  }
  const bool says =
      access.cluster_fields_size() > 0 || !access.operation_field().empty() || access.filtered();
  // Admins for all clusters have no clusters to be kept from.
  if (says || access.role() == v1::ROLE_ADMIN || !IsOfClusters(request)) return "";
  return "does not say which clusters it is of";
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
    const std::string wrong = WhatIsWrongWithFields(method, rules.back());
    if (!wrong.empty()) return Incomplete(service, method.name() + " " + wrong);
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

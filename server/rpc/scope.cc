#include "server/rpc/scope.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_split.h"
#include "common/error.h"
#include "server/rpc/hidden_names.h"
#include "server/store/scope_store.h"

namespace dmgr::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using AnyRequest = google::protobuf::Message;

// The text of the field at a path; nullopt when a message on the way is not set.
std::optional<std::string> TextAt(const AnyRequest& request, const std::string& path) {
  const AnyRequest* message = &request;
  for (const absl::string_view part : absl::StrSplit(ToAbsl(path), '.')) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(std::string(part));
    const auto& reflection = *message->GetReflection();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      return reflection.GetString(*message, field);
    }
    if (!reflection.HasField(*message, field)) return std::nullopt;
    message = &reflection.GetMessage(*message, field);
  }
  return std::nullopt;
}

absl::Status TooLow(const accounts::Session& caller, const auth::MethodRule& rule, v1::Role has,
                    const std::string& where) {
  return Error(absl::StatusCode::kPermissionDenied, "ROLE_TOO_LOW", "{} needs {}, {} has {}{}",
               rule.method, v1::Role_Name(rule.access.role()), caller.user.name(),
               has == v1::ROLE_UNSPECIFIED ? "none" : v1::Role_Name(has), where)
      .With("user", caller.user.name())
      .Remedy("ask an admin");
}

}  // namespace

absl::Status Scope::CheckMethod(const accounts::Session& caller, const auth::MethodRule& rule) {
  const v1::Access& access = rule.access;
  if (access.session_only() && (caller.api_token.has_value() || caller.certificate.has_value())) {
    return Error(absl::StatusCode::kPermissionDenied, "SESSION_NEEDED",
                 "{} cannot be called with {}", rule.method,
                 caller.certificate.has_value() ? "a certificate" : "an API token")
        .With("user", caller.user.name())
        .Remedy("log in, and call it with the session's token")
        .Next(v1::ACTION_LOGIN);
  }
  const bool is_of_clusters =
      access.cluster_fields_size() > 0 || !access.operation_field().empty() || access.filtered();
  const v1::Role role = is_of_clusters ? caller.rights.Highest() : caller.rights.WithoutCluster();
  if (auth::Allows(role, rule)) return absl::OkStatus();
  return TooLow(caller, rule, role, is_of_clusters ? "" : " for what is of no cluster");
}

absl::StatusOr<v1::Role> Scope::RoleFor(const auth::Rights& rights,
                                        const std::string& cluster) const {
  store::ClusterLabels labels;
  if (rights.AsksForLabels()) {
    RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(labels, store::LabelsOfCluster(tx, cluster));
      return absl::OkStatus();
    }));
  }
  return rights.ForCluster(cluster, labels);
}

absl::Status Scope::CheckRequest(const accounts::Session& caller, const auth::MethodRule& rule,
                                 const AnyRequest& request) const {
  // What is enough everywhere is enough for any cluster.
  if (auth::Allows(caller.rights.Everywhere(), rule)) return absl::OkStatus();
  const auto check = [&](const std::string& cluster, const absl::Status& hidden) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Role role, RoleFor(caller.rights, cluster));
    if (role == v1::ROLE_UNSPECIFIED) return hidden;
    return auth::Allows(role, rule) ? absl::OkStatus()
                                    : TooLow(caller, rule, role, " for cluster " + cluster);
  };
  for (const std::string& path : rule.access.cluster_fields()) {
    const std::optional<std::string> name = TextAt(request, path);
    if (name.has_value()) RETURN_IF_ERROR(check(*name, store::NoSuchCluster(*name)));
  }
  if (rule.access.operation_field().empty()) return absl::OkStatus();
  const std::string id = TextAt(request, rule.access.operation_field()).value_or("");
  std::string cluster;
  RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(cluster, store::ClusterOfOperation(tx, id));
    return absl::OkStatus();
  }));
  return check(cluster, store::NoSuchOperation(id));
}

absl::StatusOr<store::SeenClusters> Scope::Seen(const auth::Rights& rights) const {
  if (rights.SeesAll()) return store::SeenClusters();
  std::map<std::string, store::ClusterLabels> clusters;
  if (rights.AsksForLabels()) {
    RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(clusters, store::ListClusterLabels(tx));
      return absl::OkStatus();
    }));
  }
  // Those that are gone, or not there yet.
  for (const std::string& name : rights.NamedClusters()) clusters.try_emplace(name);
  std::set<std::string> seen;
  for (const auto& [name, labels] : clusters) {
    if (rights.ForCluster(name, labels) != v1::ROLE_UNSPECIFIED) seen.insert(name);
  }
  return store::SeenClusters(std::move(seen));
}

absl::Status Scope::Hide(const auth::Rights& rights, const absl::Status& status) const {
  // Nobody has no rights, and was told nothing.
  const bool is_nobody = rights.Highest() == v1::ROLE_UNSPECIFIED;
  if (status.ok() || is_nobody || rights.SeesAll()) return status;
  std::set<std::string> hidden;
  RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto clusters, store::ListClusterLabels(tx));
    for (const auto& [name, labels] : clusters) {
      if (rights.ForCluster(name, labels) == v1::ROLE_UNSPECIFIED) hidden.insert(name);
    }
    return absl::OkStatus();
  }));
  return WithoutNames(hidden, status);
}

bool IsSeen(const store::SeenClusters& seen, const std::string& cluster) {
  return !seen.has_value() || seen->contains(cluster);
}

void KeepSeen(const store::SeenClusters& seen,
              google::protobuf::RepeatedPtrField<std::string>* names) {
  names->erase(std::remove_if(names->begin(), names->end(),
                              [&](const std::string& name) { return !IsSeen(seen, name); }),
               names->end());
}

std::string SubjectOf(const auth::MethodRule& rule, const AnyRequest& request) {
  for (const std::string& path : rule.access.cluster_fields()) {
    return TextAt(request, path).value_or("");
  }
  return "";
}

}  // namespace dmgr::rpc

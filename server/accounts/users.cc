#include "server/accounts/users.h"

#include <fmt/format.h>
#include <google/protobuf/util/field_mask_util.h>

#include "common/error.h"
#include "server/store/session_store.h"
#include "server/store/user_store.h"
#include "server/topology/topology.h"

namespace dmgr::accounts {
namespace {

constexpr int kMaxGrants = 64;
constexpr int kMaxClusters = 256;
constexpr std::size_t kMaxLabels = 64;

bool IsRole(v1::Role role) { return v1::Role_IsValid(role) && role != v1::ROLE_UNSPECIFIED; }

// Empty: a user may have it.
std::string WhatIsWrong(const v1::Grant& grant) {
  if (!IsRole(grant.role())) return "needs ROLE_VIEWER, ROLE_OPERATOR or ROLE_ADMIN";
  if (grant.cluster_names().empty() && grant.labels().empty()) return "names no cluster";
  if (grant.cluster_names_size() > kMaxClusters) {
    return fmt::format("names more than {} clusters", kMaxClusters);
  }
  if (grant.labels().size() > kMaxLabels) {
    return fmt::format("has more than {} labels", kMaxLabels);
  }
  for (const auto& name : grant.cluster_names()) {
    if (!topology::IsClusterName(name)) return "names " + name + ", which no cluster can be called";
  }
  return "";
}

absl::Status CheckMask(const google::protobuf::FieldMask& mask) {
  if (mask.paths().empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "update_mask is empty")
        .Field("update_mask", "must name role, grants or disabled");
  }
  for (const std::string& path : mask.paths()) {
    if (path == "role" || path == "grants" || path == "disabled") continue;
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{} cannot be updated",
                 path)
        .Field("update_mask", path + " cannot be updated");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckUserName(const std::string& name) {
  if (topology::IsClusterName(name)) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "user name {} is not 1 to 64 of letters, digits and . _ -", name)
      .Field("user_name", "must be 1 to 64 of letters, digits and . _ -");
}

absl::Status CheckRoles(const std::string& whose, v1::Role role, const Grants& grants) {
  const bool has_role = role == v1::ROLE_UNSPECIFIED ? !grants.empty() : IsRole(role);
  if (!has_role) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "the {} needs a role",
                 whose)
        .Field(whose + ".role",
               "must be ROLE_VIEWER, ROLE_OPERATOR or ROLE_ADMIN, or there must be "
               "grants");
  }
  if (grants.size() > kMaxGrants) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "the {} has too many grants", whose)
        .Field(whose + ".grants", fmt::format("must be at most {}", kMaxGrants));
  }
  for (int i = 0; i < grants.size(); ++i) {
    const std::string wrong = WhatIsWrong(grants[i]);
    if (wrong.empty()) continue;
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "a grant of the {} {}",
                 whose, wrong)
        .Field(fmt::format("{}.grants[{}]", whose, i), wrong);
  }
  return absl::OkStatus();
}

absl::Status Users::Create(const v1::CreateUserRequest& request, const store::Finish& finish,
                           v1::CreateUserResponse* response) {
  const std::string& name = request.user().name();
  RETURN_IF_ERROR(CheckUserName(name));
  RETURN_IF_ERROR(CheckRoles("user", request.user().role(), request.user().grants()));
  store::UserRecord record;
  record.user.set_name(name);
  record.user.set_role(request.user().role());
  record.user.set_disabled(request.user().disabled());
  *record.user.mutable_grants() = request.user().grants();
  ASSIGN_OR_RETURN(record.password_hash, hashing_->Hash(request.password()));
  return database_->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::InsertUser(tx, record));
    ASSIGN_OR_RETURN(const auto stored, store::GetUser(tx, name));
    *response->mutable_user() = stored.user;
    return finish(tx, *response);
  });
}

absl::Status Users::Update(const v1::UpdateUserRequest& request, const store::Finish& finish,
                           v1::UpdateUserResponse* response) {
  RETURN_IF_ERROR(CheckMask(request.update_mask()));
  const std::string& name = request.user().name();
  return database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(auto record, store::LockUser(tx, name));
    google::protobuf::util::FieldMaskUtil::MergeOptions merge;
    merge.set_replace_repeated_fields(true);
    google::protobuf::util::FieldMaskUtil::MergeMessageTo(request.user(), request.update_mask(),
                                                          merge, &record.user);
    RETURN_IF_ERROR(CheckRoles("user", record.user.role(), record.user.grants()));
    RETURN_IF_ERROR(store::UpdateUser(tx, record.user));
    if (record.user.disabled()) RETURN_IF_ERROR(store::DeleteSessionsOf(tx, name));
    ASSIGN_OR_RETURN(record, store::GetUser(tx, name));
    *response->mutable_user() = record.user;
    return finish(tx, *response);
  });
}

absl::Status Users::ResetPassword(const v1::ResetPasswordRequest& request,
                                  const store::Finish& finish) {
  ASSIGN_OR_RETURN(const std::string hash, hashing_->Hash(request.new_password()));
  return database_->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::SetPasswordHash(tx, request.user_name(), hash));
    RETURN_IF_ERROR(store::DeleteSessionsOf(tx, request.user_name()));
    if (request.revoke_api_tokens()) {
      RETURN_IF_ERROR(store::DeleteTokensOf(tx, request.user_name()));
    }
    ASSIGN_OR_RETURN(const auto tokens, store::LiveTokensOf(tx, request.user_name()));
    v1::ResetPasswordResponse response;
    response.mutable_api_tokens()->Assign(tokens.begin(), tokens.end());
    return finish(tx, response);
  });
}

absl::Status Users::Delete(const v1::DeleteUserRequest& request, const store::Finish& finish) {
  return database_->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::DeleteUser(tx, request.user_name()));
    return finish(tx, v1::DeleteUserResponse());
  });
}

}  // namespace dmgr::accounts

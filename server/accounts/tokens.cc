#include "server/accounts/tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "server/accounts/users.h"
#include "server/auth/tokens.h"
#include "server/store/token_store.h"
#include "server/store/user_store.h"
#include "server/topology/topology.h"

namespace dmgr::accounts {
namespace {

constexpr absl::Duration kDefaultTtl = absl::Hours(90 * 24);

absl::Status CheckTokenName(const std::string& name) {
  if (topology::IsClusterName(name)) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "token name {} is not 1 to 64 of letters, digits and . _ -", name)
      .Field("token.name", "must be 1 to 64 of letters, digits and . _ -");
}

// More than its user may would be no harm, but promise too much.
absl::Status CheckNotAbove(const v1::User& user, const v1::Token& token) {
  const v1::Role highest = auth::Rights(RolesOf(user)).Highest();
  if (auth::Rights(RolesOf(token)).Highest() <= highest) return absl::OkStatus();
  return Error(absl::StatusCode::kPermissionDenied, "ROLE_TOO_LOW",
               "a token cannot do more than its user, and {} has {}", user.name(),
               v1::Role_Name(highest))
      .With("user", user.name())
      .Remedy("ask for a lower role, or ask an admin");
}

}  // namespace

absl::StatusOr<std::string> OwnerOf(const Session& session, const std::string& asked) {
  if (asked.empty() || asked == session.user.name()) return session.user.name();
  if (session.rights.WithoutCluster() == v1::ROLE_ADMIN) return asked;
  return Error(absl::StatusCode::kPermissionDenied, "TOKEN_OF_ANOTHER",
               "{} manages only the own API tokens", session.user.name())
      .With("user", session.user.name())
      .Remedy("leave user_name out, or ask an admin");
}

absl::StatusOr<absl::Duration> Tokens::TtlOf(const v1::CreateTokenRequest& request) const {
  if (!request.has_ttl()) return std::min(kDefaultTtl, longest_);
  const absl::Duration ttl =
      absl::Seconds(request.ttl().seconds()) + absl::Nanoseconds(request.ttl().nanos());
  if (ttl >= absl::Seconds(1) && ttl <= longest_) return ttl;
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "a token may last from a second to {} days", absl::ToInt64Hours(longest_) / 24)
      .Field("ttl", fmt::format("must be at most {} seconds", absl::ToInt64Seconds(longest_)));
}

absl::Status Tokens::Create(const Session& session, const v1::CreateTokenRequest& request,
                            const store::Finish& finish, v1::CreateTokenResponse* response) {
  v1::Token wanted = request.token();
  RETURN_IF_ERROR(CheckTokenName(wanted.name()));
  RETURN_IF_ERROR(CheckRoles("token", wanted.role(), wanted.grants()));
  ASSIGN_OR_RETURN(const absl::Duration ttl, TtlOf(request));
  ASSIGN_OR_RETURN(const std::string owner, OwnerOf(session, wanted.user_name()));
  wanted.set_user_name(owner);
  const std::string secret = auth::NewApiToken();
  RETURN_IF_ERROR(database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto user, store::LockUser(tx, owner));
    RETURN_IF_ERROR(CheckNotAbove(user.user, wanted));
    v1::CreateTokenResponse made;
    *made.mutable_token() = wanted;
    RETURN_IF_ERROR(store::InsertToken(tx, auth::HashToken(secret), ttl, made.mutable_token()));
    return finish(tx, made);
  }));
  response->set_secret(secret);
  return absl::OkStatus();
}

absl::Status Tokens::Delete(const Session& session, const v1::DeleteTokenRequest& request,
                            const store::Finish& finish) {
  ASSIGN_OR_RETURN(const std::string owner, OwnerOf(session, request.user_name()));
  return database_->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::DeleteToken(tx, owner, request.token_name()));
    return finish(tx, v1::DeleteTokenResponse());
  });
}

}  // namespace dmgr::accounts

#include "server/rpc/guard.h"

#include <spdlog/spdlog.h>

#include <exception>

#include "absl/time/clock.h"
#include "common/error.h"
#include "common/grpc_status.h"
#include "server/auth/roles.h"
#include "server/auth/tokens.h"
#include "server/store/user_store.h"

namespace dmgr::rpc {
namespace {

constexpr std::string_view kBearer = "Bearer ";

std::string TokenOf(const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  auto it = metadata.find("authorization");
  if (it == metadata.end()) return {};
  const std::string value(it->second.data(), it->second.size());
  return value.rfind(kBearer, 0) == 0 ? value.substr(kBearer.size()) : std::string();
}

absl::Status NoToken() {
  return Error(absl::StatusCode::kUnauthenticated, "NO_TOKEN", "the call carries no token")
      .Remedy("log in (dmgrctl login), and send \"authorization: Bearer <token>\"");
}

}  // namespace

absl::StatusOr<Session> Guard::Admit(const grpc::ServerContextBase& context,
                                     const std::string& method) {
  const auto* rule = auth::FindMethodRule(method);
  if (rule == nullptr) {
    return Error(absl::StatusCode::kPermissionDenied, "NO_RULE", "{} has no access rule", method);
  }
  if (rule->role == v1::ROLE_UNSPECIFIED) return Session{};
  const std::string token = TokenOf(context);
  if (token.empty()) return NoToken();
  Session session;
  session.token_hash = auth::HashToken(token);
  RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(auto live, store::FindSession(tx, session.token_hash));
    session.user = live.user;
    session.expire_time = live.expire_time;
    return absl::OkStatus();
  }));
  if (!auth::Allows(session.user.role(), *rule)) {
    return Error(absl::StatusCode::kPermissionDenied, "ROLE_TOO_LOW", "{} needs {}, {} has {}",
                 method, v1::Role_Name(rule->role), session.user.name(),
                 v1::Role_Name(session.user.role()))
        .With("user", session.user.name())
        .Remedy("ask an admin");
  }
  return session;
}

grpc::Status Guard::Run(const grpc::ServerContextBase& context, const std::string& method,
                        const Handler& handler) {
  const absl::Time begin = absl::Now();
  Audit audit;
  std::string user;
  absl::Status status;
  try {
    auto session = Admit(context, method);
    status = session.status();
    if (session.ok()) {
      user = session->user.name();
      status = handler(*session, &audit);
    }
  } catch (const std::exception& e) {
    // Its text may hold anything; the caller gets a fixed one.
    spdlog::error("{}: unexpected exception: {}", method, e.what());
    status = Error(absl::StatusCode::kInternal, "INTERNAL", "{} failed inside dmgrd", method)
                 .Remedy("see dmgrd's log");
  }
  Finish(context, method, user.empty() ? audit.user_name : user, audit, status,
         absl::Now() - begin);
  return ToGrpcStatus(status);
}

void Guard::Finish(const grpc::ServerContextBase& context, const std::string& method,
                   const std::string& user, const Audit& audit, const absl::Status& status,
                   absl::Duration took) {
  spdlog::log(
      status.ok() ? spdlog::level::info : spdlog::level::warn, "{} by {} from {}: {} in {} ms{}{}",
      method, user.empty() ? "-" : user, context.peer(), absl::StatusCodeToString(status.code()),
      absl::ToInt64Milliseconds(took), status.ok() ? "" : ": ", status.ok() ? "" : Message(status));
  const auto* rule = auth::FindMethodRule(method);
  if (rule == nullptr || !rule->mutating) return;
  store::AuditRecord record{.user_name = user,
                            .peer = context.peer(),
                            .method = method,
                            .target = audit.target,
                            .code = static_cast<int>(status.code()),
                            .operation_id = audit.operation_id};
  const absl::Status written =
      database_->Transact([&](store::Transaction& tx) { return store::InsertAudit(tx, record); });
  if (!written.ok()) spdlog::error("audit of {} was not written: {}", method, Message(written));
}

}  // namespace dmgr::rpc

#include "server/rpc/guard.h"

#include <spdlog/spdlog.h>

#include <exception>

#include "absl/time/clock.h"
#include "common/error.h"
#include "common/grpc_status.h"
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
      .Remedy("log in, and send \"authorization: Bearer <token>\"")
      .Next(v1::ACTION_LOGIN);
}

}  // namespace

absl::StatusOr<Session> Guard::Admit(const grpc::ServerContextBase& context,
                                     const auth::MethodRule& rule) {
  if (rule.access.without_session()) return Session{};
  const std::string token = TokenOf(context);
  if (token.empty()) return NoToken();
  ASSIGN_OR_RETURN(const Session session, sessions_->Find(token));
  if (!auth::Allows(session.user.role(), rule)) {
    return Error(absl::StatusCode::kPermissionDenied, "ROLE_TOO_LOW", "{} needs {}, {} has {}",
                 rule.method, v1::Role_Name(rule.access.role()), session.user.name(),
                 v1::Role_Name(session.user.role()))
        .With("user", session.user.name())
        .Remedy("ask an admin");
  }
  return session;
}

grpc::Status Guard::Run(const grpc::ServerContextBase& context,
                        const google::protobuf::Descriptor& request, const Handler& handler) {
  const absl::Time begin = absl::Now();
  const auto rule = auth::RuleOf(request);
  if (!rule.ok()) return ToGrpcStatus(rule.status());
  Audit audit;
  std::string user;
  absl::Status status;
  try {
    auto session = Admit(context, *rule);
    status = session.status();
    if (session.ok()) {
      user = session->user.name();
      status = handler(*session, &audit);
    }
  } catch (const std::exception& e) {
    // Its text may hold anything; the caller gets a fixed one.
    spdlog::error("{}: unexpected exception: {}", rule->method, e.what());
    status = Error(absl::StatusCode::kInternal, "INTERNAL", "{} failed inside dmgrd", rule->method)
                 .Remedy("see dmgrd's log");
  }
  Finish(context, *rule, user.empty() ? audit.user_name : user, audit, status, absl::Now() - begin);
  return ToGrpcStatus(status);
}

void Guard::Finish(const grpc::ServerContextBase& context, const auth::MethodRule& rule,
                   const std::string& user, const Audit& audit, const absl::Status& status,
                   absl::Duration took) {
  spdlog::log(status.ok() ? spdlog::level::info : spdlog::level::warn,
              "{} by {} from {}: {} in {} ms{}{}", rule.method, user.empty() ? "-" : user,
              context.peer(), absl::StatusCodeToString(status.code()),
              absl::ToInt64Milliseconds(took), status.ok() ? "" : ": ",
              status.ok() ? "" : Message(status));
  if (!rule.access.mutates()) return;
  store::AuditRecord record{.user_name = user,
                            .peer = context.peer(),
                            .method = rule.method,
                            .target = audit.target,
                            .code = static_cast<int>(status.code()),
                            .operation_id = audit.operation_id};
  const absl::Status written =
      database_->Transact([&](store::Transaction& tx) { return store::InsertAudit(tx, record); });
  if (!written.ok())
    spdlog::error("audit of {} was not written: {}", rule.method, Message(written));
}

}  // namespace dmgr::rpc

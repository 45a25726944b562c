#include "server/rpc/guard.h"

#include <spdlog/spdlog.h>

#include <exception>

#include "common/error.h"
#include "common/grpc_status.h"
#include "common/steady_time.h"
#include "server/rpc/socket_listener.h"

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

// Where a call comes from, for the audit log: who has shown a certificate is told from who has
// logged in.
std::string OriginOf(const grpc::ServerContextBase& context, const std::string& serial) {
  return PeerOf(context) + (serial.empty() ? "" : " certificate=" + serial);
}

}  // namespace

absl::StatusOr<Admitted> Guard::Admit(const grpc::ServerContextBase& context,
                                      const auth::MethodRule& rule, Name* name) {
  // Before the database is asked for anything.
  const std::string token = rule.access.without_session() ? "" : TokenOf(context);
  std::optional<accounts::Certificate> certificate;
  if (token.empty() && !rule.access.without_session()) {
    ASSIGN_OR_RETURN(certificate, callers_.certificates->Of(context));
    if (!certificate.has_value()) return NoToken();
    name->certificate = certificate->serial;
  }
  ASSIGN_OR_RETURN(Admitted admitted, TakeUnknown(context));
  if (rule.access.without_session()) return admitted;
  auto found = FindCaller(token, certificate);
  // Whose session it was.
  if (!found.ok()) name->user = Metadata(found.status(), "user");
  RETURN_IF_ERROR(found.status());
  admitted.session = *std::move(found);
  const Session& session = admitted.session;
  name->user = session.user.name();
  if (session.api_token.has_value()) name->token = session.api_token->name();
  RETURN_IF_ERROR(Scope::CheckMethod(session, rule));
  ASSIGN_OR_RETURN(admitted.place, TakeKnown(session.user.name(), rule));
  return admitted;
}

absl::StatusOr<Admitted> Guard::AdmitStream(const grpc::ServerContextBase& context,
                                            const auth::MethodRule& rule,
                                            const google::protobuf::Message& request) {
  Name name;
  ASSIGN_OR_RETURN(Admitted admitted, Admit(context, rule, &name));
  RETURN_IF_ERROR(CheckLengths(request));
  RETURN_IF_ERROR(scope_.CheckRequest(admitted.session, rule, request));
  return admitted;
}

absl::StatusOr<Session> Guard::FindCaller(const std::string& token,
                                          const std::optional<accounts::Certificate>& certificate) {
  return certificate.has_value() ? callers_.sessions->Find(*certificate)
                                 : callers_.sessions->Find(token);
}

absl::StatusOr<Admitted> Guard::TakeUnknown(const grpc::ServerContextBase& context) {
  Admitted admitted;
  ASSIGN_OR_RETURN(admitted.place,
                   admission_.Take("unknown callers", AddressOf(PeerOf(context)), places_.unknown));
  return admitted;
}

absl::StatusOr<std::shared_ptr<const Admission::Place>> Guard::TakeKnown(
    const std::string& user, const auth::MethodRule& rule) {
  if (rule.streams_in) return admission_.Take("uploads", user, places_.uploads);
  if (rule.streams_out) return admission_.Take("streams", user, places_.streams);
  return admission_.Take("calls", user, places_.calls);
}

grpc::Status Guard::Run(const grpc::ServerContextBase& context,
                        const google::protobuf::Descriptor& request, const Checked& handler) {
  const absl::Time begin = SteadyNow();
  const auto rule = auth::RuleOf(request);
  if (!rule.ok()) return ToGrpcStatus(rule.status());
  Audit audit;
  Name caller;
  absl::Status status;
  try {
    const auto admitted = Admit(context, *rule, &caller);
    status = admitted.status();
    if (admitted.ok()) status = handler(*rule, admitted->session, &audit);
  } catch (const std::exception& e) {
    // Its text may hold anything; the caller gets a fixed one.
    spdlog::error("{}: unexpected exception: {}", rule->method, e.what());
    status = Error(absl::StatusCode::kInternal, "INTERNAL", "{} failed inside dmgrd", rule->method)
                 .Remedy("see dmgrd's log");
  }
  Finish(context, *rule, caller, audit, status, SteadyNow() - begin);
  return ToGrpcStatus(status);
}

void Guard::Finish(const grpc::ServerContextBase& context, const auth::MethodRule& rule,
                   const Name& caller, const Audit& audit, const absl::Status& status,
                   absl::Duration took) {
  calls_.Add(rule.method, status.code());
  const std::string& name = caller.user.empty() ? audit.user_name : caller.user;
  const store::AuditRecord record{.user_name = name,
                                  .peer = OriginOf(context, caller.certificate),
                                  .method = rule.method,
                                  .target = audit.target,
                                  .code = static_cast<int>(status.code()),
                                  .operation_id = audit.operation_id,
                                  .token_name = caller.token,
                                  .outcome_of = audit.begun_id};
  const bool is_counted = IsCounted(rule, caller, status, record);
  const auto level = status.ok() ? spdlog::level::info : spdlog::level::warn;
  spdlog::log(is_counted ? spdlog::level::debug : level, "{} by {}{}{} from {}: {} in {} ms{}{}",
              rule.method, name.empty() ? "-" : name, caller.token.empty() ? "" : " with token ",
              caller.token, record.peer, absl::StatusCodeToString(status.code()),
              absl::ToInt64Milliseconds(took), status.ok() ? "" : ": ",
              status.ok() ? "" : Message(status));
  // A stolen token is worth a record wherever it was shown.
  const bool is_recorded =
      rule.access.mutates() || rule.access.reaches_hosts() || Reason(status) == "TOKEN_REUSED";
  if (is_recorded && !is_counted) Record(record);
}

bool Guard::IsCounted(const auth::MethodRule& rule, const Name& caller, const absl::Status& status,
                      const store::AuditRecord& record) {
  if (rule.access.mutates()) {
    return caller.user.empty() && !status.ok() && !refusals_.IsFirst(record);
  }
  if (caller.user.empty()) return !status.ok() && !read_refusals_.IsFirst(record);
  return rule.access.reaches_hosts() && !looks_.IsFirst(record);
}

absl::Status Guard::RecordBegin(const grpc::ServerContextBase& context,
                                const auth::MethodRule& rule, const Session& session,
                                Audit* audit) {
  if (!rule.access.mutates() || rule.access.without_session()) return absl::OkStatus();
  const std::string serial =
      session.certificate.has_value() ? session.certificate->serial : std::string();
  store::AuditRecord record{.user_name = session.user.name(),
                            .peer = OriginOf(context, serial),
                            .method = rule.method,
                            .target = audit->target,
                            .code = static_cast<int>(absl::StatusCode::kUnknown),
                            .begun = true};
  if (session.api_token.has_value()) record.token_name = session.api_token->name();
  return database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(audit->begun_id, store::InsertAudit(tx, record, chain_));
    return absl::OkStatus();
  });
}

void Guard::LookAfter(bool at_end) {
  pace_.Look();
  const auto log = [](const store::AuditRecord& record) {
    spdlog::warn("{} by {} from {}: {} more like the one before", record.method,
                 record.user_name.empty() ? "-" : record.user_name, record.peer, record.calls);
  };
  for (const auto& record : read_refusals_.Take(at_end)) log(record);
  for (Refusals* counted : {&refusals_, &looks_}) {
    for (const auto& record : counted->Take(at_end)) {
      log(record);
      Record(record);
    }
  }
}

void Guard::Record(const store::AuditRecord& record) {
  const absl::Status written = database_->Transact(
      [&](store::Transaction& tx) { return store::InsertAudit(tx, record, chain_).status(); });
  if (!written.ok())
    spdlog::error("audit of {} was not written: {}", record.method, Message(written));
}

}  // namespace dmgr::rpc

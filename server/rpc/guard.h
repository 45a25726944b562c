// The one way into every call: authenticate, authorize by what the method says of itself in its
// .proto (auth/roles.h), run, log, audit, map the error. Which method a call is follows from the
// type of its request, of which each method has its own: no handler can name a wrong one.
#ifndef DMGR_SERVER_RPC_GUARD_H_
#define DMGR_SERVER_RPC_GUARD_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/error.h"
#include "server/accounts/sessions.h"
#include "server/auth/roles.h"
#include "server/auth/secret_box.h"
#include "server/rpc/once.h"
#include "server/store/database.h"

namespace dmgr::rpc {

// Who calls. Without a name for the methods that need no session.
using accounts::Session;

// What the audit says a mutating call was about; filled in by the handler.
struct Audit {
  std::string user_name;  // for calls without a session
  std::string target;
  std::string operation_id;
};

// Thread-safe.
class Guard {
 public:
  Guard(store::Database* database, const auth::SecretBox* secrets, accounts::Sessions* sessions)
      : database_(database), secrets_(secrets), sessions_(sessions) {}

  // The session of a call's "authorization: Bearer <token>", if it may call the method that takes
  // this request. UNAUTHENTICATED or PERMISSION_DENIED else.
  template <typename Request>
  absl::StatusOr<Session> Admit(const grpc::ServerContextBase& context, const Request&) {
    ASSIGN_OR_RETURN(const auth::MethodRule rule, auth::RuleOf(*Request::descriptor()));
    return Admit(context, rule);
  }

  using Handler = std::function<absl::Status(const Session& session, Audit* audit)>;
  // Runs a call with one request.
  template <typename Request>
  grpc::Status Run(const grpc::ServerContextBase& context, const Request&, const Handler& handler) {
    return Run(context, *Request::descriptor(), handler);
  }
  // Runs a call whose requests are a stream.
  template <typename Request>
  grpc::Status Run(const grpc::ServerContextBase& context, const grpc::ServerReader<Request>&,
                   const Handler& handler) {
    return Run(context, *Request::descriptor(), handler);
  }
  // Runs a call that changes something by one transaction, and makes no operation: see once.h.
  using Change = std::function<absl::Status(const Session& session, Audit* audit,
                                            const store::Finish& finish)>;
  template <typename Request, typename Response>
  grpc::Status RunChange(const grpc::ServerContextBase& context, const Request& request,
                         Response* response, const Change& change) {
    return Run(context, request, [&](const Session& session, Audit* audit) {
      return RunOnce(database_, *secrets_, session.user.name(),
                     {request, request.request_id(), request.validate_only()}, response,
                     [&](const store::Finish& finish) { return change(session, audit, finish); });
    });
  }

 private:
  absl::StatusOr<Session> Admit(const grpc::ServerContextBase& context,
                                const auth::MethodRule& rule);
  grpc::Status Run(const grpc::ServerContextBase& context,
                   const google::protobuf::Descriptor& request, const Handler& handler);
  void Finish(const grpc::ServerContextBase& context, const auth::MethodRule& rule,
              const std::string& user, const Audit& audit, const absl::Status& status,
              absl::Duration took);

  store::Database* database_;
  const auth::SecretBox* secrets_;
  accounts::Sessions* sessions_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_GUARD_H_

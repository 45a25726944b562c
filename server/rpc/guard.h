// The one way into every call: authenticate, authorize by the table of auth/roles.h, run, log,
// audit, map the error. A method without a rule is denied.
#ifndef DMGR_SERVER_RPC_GUARD_H_
#define DMGR_SERVER_RPC_GUARD_H_

#include <grpcpp/server_context.h>

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/auth_service.pb.h"
#include "server/store/database.h"

namespace dmgr::rpc {

// Who calls. Without a name for the methods that need no session.
struct Session {
  v1::User user;
  std::string token_hash;
  absl::Time expire_time;
};

// What the audit says a mutating call was about; filled in by the handler.
struct Audit {
  std::string user_name;  // for calls without a session
  std::string target;
  std::string operation_id;
};

// Thread-safe.
class Guard {
 public:
  explicit Guard(store::Database* database) : database_(database) {}

  // The session of a call's "authorization: Bearer <token>", if it may call method.
  // UNAUTHENTICATED or PERMISSION_DENIED else.
  absl::StatusOr<Session> Admit(const grpc::ServerContextBase& context, const std::string& method);

  using Handler = std::function<absl::Status(const Session& session, Audit* audit)>;
  // Runs a unary call. method: "dmgr.v1.ClusterService/StartCluster".
  grpc::Status Run(const grpc::ServerContextBase& context, const std::string& method,
                   const Handler& handler);

 private:
  void Finish(const grpc::ServerContextBase& context, const std::string& method,
              const std::string& user, const Audit& audit, const absl::Status& status,
              absl::Duration took);

  store::Database* database_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_GUARD_H_

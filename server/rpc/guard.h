// The one way into every call: authenticate, authorize by what the method says of itself in its
// .proto (auth/roles.h, scope.h), hold what the caller may have at once and how long fields may be,
// run, log, audit, map the error. Which method a call is follows from the type of its request, of
// which each method has its own: no handler can name a wrong one.
#ifndef DMGR_SERVER_RPC_GUARD_H_
#define DMGR_SERVER_RPC_GUARD_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/error.h"
#include "server/accounts/sessions.h"
#include "server/auth/roles.h"
#include "server/auth/secret_box.h"
#include "server/rpc/admission.h"
#include "server/rpc/call_counts.h"
#include "server/rpc/client_certificates.h"
#include "server/rpc/field_limits.h"
#include "server/rpc/incoming.h"
#include "server/rpc/limits.h"
#include "server/rpc/once.h"
#include "server/rpc/pace.h"
#include "server/rpc/refusals.h"
#include "server/rpc/scope.h"
#include "server/rpc/session_watch.h"
#include "server/rpc/stream_caller.h"
#include "server/secrets/audit_chain.h"
#include "server/store/audit_store.h"
#include "server/store/database.h"

namespace dmgr::rpc {

// Who calls. Without a name for the methods that need no session.
using accounts::Session;

// What the audit says a mutating call was about; filled in by the handler.
struct Audit {
  std::string user_name;  // for calls without a session
  std::string target;
  std::string operation_id;
  // The row that says that the call was begun; 0: there is none.
  std::int64_t begun_id = 0;
};

// A caller that may make its call, until the place is given back.
struct Admitted {
  Session session{};
  std::shared_ptr<const Admission::Place> place{};
};

// Where callers are looked for.
struct Callers {
  accounts::Sessions* sessions;
  ClientCertificates* certificates;
  SessionWatch* watch;
};

// What a caller may have at once; can change while calls are made.
struct PlaceLimits {
  explicit PlaceLimits(const Limits& limits) { Set(limits); }
  void Set(const Limits& limits) {
    calls = limits.calls_per_user;
    streams = limits.streams_per_user;
    uploads = limits.uploads_per_user;
    unknown = limits.unknown_per_address;
  }

  std::atomic<int> calls;
  std::atomic<int> streams;
  std::atomic<int> uploads;
  std::atomic<int> unknown;
};

// Thread-safe.
class Guard {
 public:
  Guard(store::Database* database, const auth::SecretBox* secrets, const Callers& callers,
        const Limits& limits)
      : database_(database),
        secrets_(secrets),
        callers_(callers),
        places_(limits),
        chain_(secrets::ChainOf(*secrets)),
        scope_(database),
        pace_(static_cast<std::size_t>(limits.upload_kib) << 10, limits.upload_period),
        refusals_(limits.refusals_period),
        read_refusals_(limits.refusals_period),
        looks_(limits.refusals_period, /*by_target=*/true) {}

  // The session of a call's "authorization: Bearer <token>" or, without one, of its connection's
  // certificate, if it may call the method that takes this request. UNAUTHENTICATED or
  // PERMISSION_DENIED else; RESOURCE_EXHAUSTED when the caller has as many calls as it may have;
  // INVALID_ARGUMENT for fields that are too long; NOT_FOUND for clusters that are none of the
  // caller's. For calls that wait without a thread.
  template <typename Request>
  absl::StatusOr<Admitted> Admit(const grpc::ServerContextBase& context, const Request& request) {
    ASSIGN_OR_RETURN(auth::MethodRule rule, auth::RuleOf(*Request::descriptor()));
    rule.streams_out = true;
    auto admitted = AdmitStream(context, rule, request);
    calls_.Add(rule.method, admitted.status().code());
    return admitted;
  }

  using Handler = std::function<absl::Status(const Session& session, Audit* audit)>;
  // Runs a call with one request.
  template <typename Request>
  grpc::Status Run(const grpc::ServerContextBase& context, const Request& request,
                   const Handler& handler) {
    const auto check = [&](const auth::MethodRule& rule, const Session& session,
                           Audit* audit) -> absl::Status {
      RETURN_IF_ERROR(CheckLengths(request));
      audit->target = SubjectOf(rule, request);
      RETURN_IF_ERROR(scope_.CheckRequest(session, rule, request));
      RETURN_IF_ERROR(RecordBegin(context, rule, session, audit));
      return scope_.Hide(session.rights, handler(session, audit));
    };
    return Run(context, *Request::descriptor(), check);
  }
  // Runs a call whose requests are a stream, which is read by what the handler is given.
  template <typename Request, typename StreamHandler>
  grpc::Status RunStream(grpc::ServerContext* context, grpc::ServerReader<Request>* reader,
                         const StreamHandler& handler) {
    const auto receive = [&](const auth::MethodRule& rule, const Session& session,
                             Audit* audit) -> absl::Status {
      RETURN_IF_ERROR(RecordBegin(*context, rule, session, audit));
      StreamCaller caller(context, callers_.watch, session.key, /*cancels=*/true);
      Incoming<Request> incoming(&pace_, context, reader, [&](const Request& request) {
        return scope_.CheckRequest(session, rule, request);
      });
      const absl::Status status = scope_.Hide(session.rights, handler(session, audit, &incoming));
      return caller.End(incoming.status().ok() ? status : incoming.status());
    };
    return Run(*context, *Request::descriptor(), receive);
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

  // What is to be done every second: uploads that are too slow end, refusals that were counted are
  // recorded. at_end: all of these.
  void LookAfter(bool at_end = false);

  // From now on, what one caller may have at once.
  void SetPlaces(const Limits& limits) { places_.Set(limits); }

  // What callers may know of.
  const Scope& scope() const { return scope_; }
  // How calls have ended.
  const CallCounts& calls() const { return calls_; }

 private:
  // Of a caller.
  struct Name {
    std::string user;
    // Of its API token, if it has come with one.
    std::string token;
    // Serial number of its certificate, if it has come by one.
    std::string certificate;
  };
  // By its rule, as one that is let in.
  using Checked = std::function<absl::Status(const auth::MethodRule& rule, const Session& session,
                                             Audit* audit)>;

  absl::StatusOr<Admitted> AdmitStream(const grpc::ServerContextBase& context,
                                       const auth::MethodRule& rule,
                                       const google::protobuf::Message& request);
  absl::StatusOr<Session> FindCaller(const std::string& token,
                                     const std::optional<accounts::Certificate>& certificate);
  // name: who it is, also of a caller that is refused.
  absl::StatusOr<Admitted> Admit(const grpc::ServerContextBase& context,
                                 const auth::MethodRule& rule, Name* name);
  absl::StatusOr<Admitted> TakeUnknown(const grpc::ServerContextBase& context);
  absl::StatusOr<std::shared_ptr<const Admission::Place>> TakeKnown(const std::string& user,
                                                                    const auth::MethodRule& rule);
  grpc::Status Run(const grpc::ServerContextBase& context,
                   const google::protobuf::Descriptor& request, const Checked& handler);
  void Finish(const grpc::ServerContextBase& context, const auth::MethodRule& rule,
              const Name& caller, const Audit& audit, const absl::Status& status,
              absl::Duration took);
  // Before a call that changes something does: what was cut off is known as well. Without the
  // record the call is not made.
  absl::Status RecordBegin(const grpc::ServerContextBase& context, const auth::MethodRule& rule,
                           const Session& session, Audit* audit);
  bool IsCounted(const auth::MethodRule& rule, const Name& caller, const absl::Status& status,
                 const store::AuditRecord& record);
  void Record(const store::AuditRecord& record);

  store::Database* database_;
  const auth::SecretBox* secrets_;
  const Callers callers_;
  PlaceLimits places_;
  const store::Chain chain_;
  const Scope scope_;
  Admission admission_;
  CallCounts calls_;
  Pace pace_;
  Refusals refusals_;
  // Of calls that are not audited: for the log.
  Refusals read_refusals_;
  // Looks at hosts that are like one before.
  Refusals looks_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_GUARD_H_

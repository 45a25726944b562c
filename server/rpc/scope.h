// Which clusters a call is of, and whether its caller may make it: decided here and nowhere else,
// by what its method says of itself (Access in access.proto). What the caller has no role for is
// answered like what does not exist.
#ifndef DMGR_SERVER_RPC_SCOPE_H_
#define DMGR_SERVER_RPC_SCOPE_H_

#include <google/protobuf/message.h>
#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/accounts/sessions.h"
#include "server/auth/roles.h"
#include "server/store/database.h"
#include "server/store/seen_clusters.h"

namespace dmgr::rpc {

// Thread-safe.
class Scope {
 public:
  explicit Scope(store::Database* database) : database_(database) {}

  // Before the request is known: PERMISSION_DENIED (ROLE_TOO_LOW) when there is no cluster, or
  // nothing, for which the caller may make the call; SESSION_NEEDED when it comes with an API
  // token or a certificate.
  static absl::Status CheckMethod(const accounts::Session& caller, const auth::MethodRule& rule);
  // NOT_FOUND when the caller has no role for a cluster, or an operation's cluster, of the request;
  // PERMISSION_DENIED (ROLE_TOO_LOW) when it is too low.
  absl::Status CheckRequest(const accounts::Session& caller, const auth::MethodRule& rule,
                            const google::protobuf::Message& request) const;

  // What the caller may know of now.
  absl::StatusOr<store::SeenClusters> Seen(const auth::Rights& rights) const;
  // The same error, with the names of clusters that the caller may not know of taken out: hosts are
  // shared, and so conflicts tell of others.
  absl::Status Hide(const auth::Rights& rights, const absl::Status& status) const;

 private:
  absl::StatusOr<v1::Role> RoleFor(const auth::Rights& rights, const std::string& cluster) const;

  store::Database* database_;
};

bool IsSeen(const store::SeenClusters& seen, const std::string& cluster);
// Takes the others out.
void KeepSeen(const store::SeenClusters& seen,
              google::protobuf::RepeatedPtrField<std::string>* names);

// The cluster that a request names first, or its operation; for the audit log.
std::string SubjectOf(const auth::MethodRule& rule, const google::protobuf::Message& request);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_SCOPE_H_

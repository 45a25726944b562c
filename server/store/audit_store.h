// The audit log: a chain of rows, to which is only ever added.
#ifndef DMGR_SERVER_STORE_AUDIT_STORE_H_
#define DMGR_SERVER_STORE_AUDIT_STORE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/audit_service.pb.h"
#include "server/store/database.h"

namespace dmgr::store {

struct AuditRecord {
  std::string user_name{};
  // As gRPC tells the peer, "ipv4:10.0.0.1:41234".
  std::string peer{};
  // "dmgr.v1.ClusterService/DeployCluster".
  std::string method{};
  // Cluster, machine, version or user that it was about.
  std::string target{};
  // gRPC status code.
  int code = 0;
  std::string operation_id{};
  // How many calls like this it stands for.
  std::int64_t calls = 1;
  // Of the API token that it came with, or empty.
  std::string token_name{};
  // Written before the call has its effect; its code says nothing then.
  bool begun = false;
  // The row of that, of which this is the outcome; 0: there is none.
  std::int64_t outcome_of = 0;
};

// A keyed hash of a text, in hex: who has only the database cannot make one.
using Chain = std::function<std::string(const std::string& text)>;

// That of a master key that was changed since.
struct FormerChain {
  // The last record that it has linked; the next one's begins after it.
  std::int64_t last_audit_id = 0;
  // None: the key is lost.
  Chain chain{};
};

// Returns the row's audit_id. Texts that are too long for it are cut. One at a time writes: the
// transaction should be short.
absl::StatusOr<std::int64_t> InsertAudit(Transaction& tx, const AuditRecord& record,
                                         const Chain& chain);
// Newest first, those that match all that the request is set to (but for its page); of a call whose
// outcome is known, the outcome. before: the id of the last one seen; 0: from the newest.
absl::StatusOr<std::vector<v1::AuditRecord>> ListAudit(Transaction& tx,
                                                       const v1::ListAuditRecordsRequest& filter,
                                                       std::int64_t before, int limit);

// Looks whether the rows are those that were written, oldest first, a part at a time.
class AuditVerifier {
 public:
  // former: in the order of their use.
  AuditVerifier(Chain chain, std::vector<FormerChain> former,
                const v1::VerifyAuditLogRequest& request, v1::VerifyAuditLogResponse* response);

  // The next rows; false when there are no more, and the response is complete.
  absl::StatusOr<bool> Next(Transaction& tx);

 private:
  void Check(const v1::AuditRecord& record, const std::string& text_without_link);
  void Report(std::int64_t audit_id, const std::string& text);
  const Chain& ChainFor(std::int64_t audit_id) const;

  const Chain chain_;
  const std::vector<FormerChain> former_;
  const v1::AuditPosition noted_;
  v1::VerifyAuditLogResponse& response_;
  std::string last_;
  bool noted_seen_ = false;
};

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_AUDIT_STORE_H_

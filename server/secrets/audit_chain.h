// What links the records of the audit log: only who has the master key can.
#ifndef DMGR_SERVER_SECRETS_AUDIT_CHAIN_H_
#define DMGR_SERVER_SECRETS_AUDIT_CHAIN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/auth/secret_box.h"
#include "server/store/audit_store.h"

namespace dmgr::secrets {

// secrets: must outlive it.
store::Chain ChainOf(const auth::SecretBox& secrets);

// Of the keys that were changed since. A key that was given up, or does not open, has no chain.
absl::StatusOr<std::vector<store::FormerChain>> FormerChainsOf(store::Transaction& tx,
                                                               const auth::SecretBox& secrets);

// Context under which a key's FingerprintKey is sealed.
std::string FormerKeyContext(const std::string& last_audit_id);

// Ends the time of a key: this record is the first one that the next key chains, to what that one
// has chained. former: nullptr when it is lost.
struct KeyEnd {
  const auth::SecretBox* former = nullptr;
  std::string former_id{};
};
absl::Status EndKey(store::Transaction& tx, const KeyEnd& end, const auth::SecretBox& next,
                    const store::AuditRecord& record);

}  // namespace dmgr::secrets

#endif  // DMGR_SERVER_SECRETS_AUDIT_CHAIN_H_

#include "server/secrets/audit_chain.h"

#include <memory>

#include "common/error.h"
#include "common/secret.h"
#include "server/store/seal_key_store.h"

namespace dmgr::secrets {
namespace {

constexpr char kPurpose[] = "audit log";

}  // namespace

store::Chain ChainOf(const auth::SecretBox& secrets) {
  return [&secrets](const std::string& text) { return secrets.Fingerprint(kPurpose + text); };
}

std::string FormerKeyContext(const std::string& last_audit_id) {
  return "former-key:" + last_audit_id;
}

absl::StatusOr<std::vector<store::FormerChain>> FormerChainsOf(store::Transaction& tx,
                                                               const auth::SecretBox& secrets) {
  ASSIGN_OR_RETURN(const auto keys, store::ListFormerKeys(tx));
  std::vector<store::FormerChain> chains;
  for (const auto& key : keys) {
    store::FormerChain& former = chains.emplace_back();
    former.last_audit_id = key.last_audit_id;
    auto opened = secrets.Open(key.sealed_fingerprint_key,
                               FormerKeyContext(std::to_string(key.last_audit_id)));
    if (!opened.ok()) continue;
    former.chain = [held = std::make_shared<Secret>(*std::move(opened))](const std::string& text) {
      return auth::SecretBox::FingerprintWith(held->text(), kPurpose + text);
    };
  }
  return chains;
}

absl::Status EndKey(store::Transaction& tx, const KeyEnd& end, const auth::SecretBox& next,
                    const store::AuditRecord& record) {
  ASSIGN_OR_RETURN(const auto audit_id, store::InsertAudit(tx, record, ChainOf(next)));
  store::FormerKey former{
      .last_audit_id = audit_id - 1, .key_id = end.former_id, .sealed_fingerprint_key = {}};
  if (end.former != nullptr) {
    const Secret key(end.former->FingerprintKey());
    former.sealed_fingerprint_key =
        next.Seal(key.text(), FormerKeyContext(std::to_string(former.last_audit_id)));
  }
  return store::InsertFormerKey(tx, former);
}

}  // namespace dmgr::secrets

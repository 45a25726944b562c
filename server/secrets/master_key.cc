#include "server/secrets/master_key.h"

#include <optional>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "server/secrets/audit_chain.h"

namespace dmgr::secrets {
namespace {

constexpr char kCanary[] = "dmgr";
constexpr char kCanaryContext[] = "seal_key";

absl::Status Missing(const KeySource& source) {
  return Error(absl::StatusCode::kFailedPrecondition, "KEY_MISSING",
               "the master key {} is not there, and a new one would not open what the database "
               "holds",
               source.Name())
      .With("path", source.Name())
      .Remedy(source.BringBack() + "; is it lost for good, see --forget-secrets");
}

// The next key of a change that was cut off after the database had it.
bool NextIsThere(const KeySource& source, const std::string& wanted) {
  if (source.kind != KeySource::Kind::kFile) return false;
  const auto next = auth::SecretBox::Load(NextKeyFile(source.path));
  return next.ok() && next->Id() == wanted;
}

absl::Status Mismatch(const KeySource& source, const std::string& id, const std::string& wanted) {
  return Error(absl::StatusCode::kFailedPrecondition, "KEY_MISMATCH",
               "the master key {} (id {}) is not the one that the database was sealed with{}",
               source.Name(), id, wanted.empty() ? "" : " (id " + wanted + ")")
      .With("path", source.Name())
      .Remedy(NextIsThere(source, wanted)
                  ? "the change of the key was cut off: --rotate-master-key again ends it"
                  : source.BringBack());
}

absl::Status Rotating(const store::SealKeyRecord& record) {
  return Error(
             absl::StatusCode::kFailedPrecondition, "KEY_ROTATION_UNFINISHED",
             "the master key is being changed from that of id {} to that of id {}, and not all is "
             "sealed with that yet",
             record.key_id, record.next_key_id)
      .Remedy("go on with --rotate-master-key, with the same two keys, until it is done");
}

// Whether the key opens what a dmgrd sealed that recorded no key.
bool Opens(const auth::SecretBox& box, const store::SealedValue& value,
           const SealContexts& contexts) {
  const std::string context = value.of == store::SealedValue::Of::kMachine
                                  ? contexts.former_credential(value.owner)
                                  : contexts.cluster_key(value.owner);
  return box.Open(value.sealed, context).ok();
}

absl::Status BindCredentials(store::Transaction& tx, const auth::SecretBox& box,
                             const SealContexts& contexts) {
  constexpr int kAtOnce = 500;
  std::string after;
  while (true) {
    ASSIGN_OR_RETURN(auto machines, store::ListMachines(tx, after, kAtOnce));
    for (auto& record : machines) {
      after = record.machine.machine_id();
      auto opened = box.Open(record.sealed_credential, contexts.former_credential(after));
      // It is lost to this key; whoever uses the machine is told.
      if (!opened.ok()) continue;
      const WipeAtEnd wiped(&*opened);
      record.sealed_credential = box.Seal(*opened, contexts.credential(record));
      RETURN_IF_ERROR(store::UpdateMachine(tx, record));
    }
    if (machines.size() < kAtOnce) return absl::OkStatus();
  }
}

absl::StatusOr<auth::SecretBox> LoadOrMake(const KeySource& source, bool may_make) {
  auto box = LoadKey(source);
  if (!absl::IsNotFound(box.status())) return box;
  if (!may_make) return Missing(source);
  return auth::SecretBox::Open(source.path);
}

absl::Status AddFormerKeys(store::Transaction& tx, auth::SecretBox* box) {
  ASSIGN_OR_RETURN(const auto keys, store::ListFormerKeys(tx));
  for (const auto& key : keys) {
    auto opened =
        box->Open(key.sealed_fingerprint_key, FormerKeyContext(std::to_string(key.last_audit_id)));
    if (opened.ok()) box->AddFormerFingerprintKey(*std::move(opened));
  }
  return absl::OkStatus();
}

absl::StatusOr<auth::SecretBox> OpenIn(store::Transaction& tx, const KeySource& source,
                                       const SealContexts& contexts) {
  ASSIGN_OR_RETURN(const auto record, store::LockSealKey(tx));
  if (record.has_value()) {
    if (!record->next_key_id.empty()) return Rotating(*record);
    ASSIGN_OR_RETURN(auth::SecretBox box, LoadOrMake(source, /*may_make=*/false));
    if (box.Id() != record->key_id || !OpensCanary(box, record->canary))
      return Mismatch(source, box.Id(), record->key_id);
    RETURN_IF_ERROR(AddFormerKeys(tx, &box));
    return box;
  }
  ASSIGN_OR_RETURN(const auto value, store::AnySealedValue(tx));
  ASSIGN_OR_RETURN(auth::SecretBox box, LoadOrMake(source, /*may_make=*/!value.has_value()));
  if (value.has_value() && !Opens(box, *value, contexts)) return Mismatch(source, box.Id(), "");
  if (value.has_value()) RETURN_IF_ERROR(BindCredentials(tx, box, contexts));
  RETURN_IF_ERROR(store::InsertSealKey(tx, RecordOf(box)));
  return box;
}

}  // namespace

absl::StatusOr<auth::SecretBox> OpenMasterKey(store::Database* database, const KeySource& source,
                                              const SealContexts& contexts) {
  std::optional<auth::SecretBox> box;
  // A file that was made before the commit failed is the one that the next try records.
  RETURN_IF_ERROR(database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(box, OpenIn(tx, source, contexts));
    return absl::OkStatus();
  }));
  return *std::move(box);
}

absl::Status CheckRecordedKey(const store::SealKeyRecord& record, const std::string& key_id) {
  if (!record.next_key_id.empty()) return Rotating(record);
  if (record.key_id == key_id) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "KEY_MISMATCH",
               "the database's master key was changed: it is that of id {}, not that of id {} any "
               "more",
               record.key_id, key_id)
      .Remedy("give this dmgrd the new key, and start it again");
}

store::SealKeyRecord RecordOf(const auth::SecretBox& box) {
  return {.key_id = box.Id(), .canary = box.Seal(kCanary, kCanaryContext)};
}

bool OpensCanary(const auth::SecretBox& box, const std::string& canary) {
  return box.Open(canary, kCanaryContext).value_or("") == kCanary;
}

std::string NextKeyFile(const std::string& key_file) { return key_file + ".new"; }

}  // namespace dmgr::secrets

#include "server/secrets/master_key.h"

#include <optional>
#include <utility>

#include "common/error.h"
#include "server/store/seal_key_store.h"

namespace dmgr::secrets {
namespace {

constexpr char kCanary[] = "dmgr";
constexpr char kCanaryContext[] = "seal_key";
constexpr char kBringBack[] =
    "put the file back from where it was kept, or copy it from another dmgrd of this database; it "
    "must be of dmgrd's user and have mode 0600";

absl::Status Missing(const std::string& path) {
  return Error(absl::StatusCode::kFailedPrecondition, "KEY_MISSING",
               "the master key {} is not there, and a new one would not open what the database "
               "holds",
               path)
      .With("path", path)
      .Remedy(kBringBack);
}

absl::Status Mismatch(const std::string& path, const std::string& id, const std::string& wanted) {
  return Error(absl::StatusCode::kFailedPrecondition, "KEY_MISMATCH",
               "the master key {} (id {}) is not the one that the database was sealed with{}", path,
               id, wanted.empty() ? "" : " (id " + wanted + ")")
      .With("path", path)
      .Remedy(kBringBack);
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
      const auto opened = box.Open(record.sealed_credential, contexts.former_credential(after));
      // It is lost to this key; whoever uses the machine is told.
      if (!opened.ok()) continue;
      record.sealed_credential = box.Seal(*opened, contexts.credential(record));
      RETURN_IF_ERROR(store::UpdateMachine(tx, record));
    }
    if (machines.size() < kAtOnce) return absl::OkStatus();
  }
}

absl::StatusOr<auth::SecretBox> LoadOrMake(const std::string& path, bool may_make) {
  auto box = auth::SecretBox::Load(path);
  if (!absl::IsNotFound(box.status())) return box;
  if (!may_make) return Missing(path);
  return auth::SecretBox::Open(path);
}

absl::StatusOr<auth::SecretBox> OpenIn(store::Transaction& tx, const std::string& path,
                                       const SealContexts& contexts) {
  ASSIGN_OR_RETURN(const auto record, store::LockSealKey(tx));
  if (record.has_value()) {
    ASSIGN_OR_RETURN(auth::SecretBox box, LoadOrMake(path, /*may_make=*/false));
    if (box.Id() != record->key_id ||
        box.Open(record->canary, kCanaryContext).value_or("") != kCanary)
      return Mismatch(path, box.Id(), record->key_id);
    return box;
  }
  ASSIGN_OR_RETURN(const auto value, store::AnySealedValue(tx));
  ASSIGN_OR_RETURN(auth::SecretBox box, LoadOrMake(path, /*may_make=*/!value.has_value()));
  if (value.has_value() && !Opens(box, *value, contexts)) return Mismatch(path, box.Id(), "");
  if (value.has_value()) RETURN_IF_ERROR(BindCredentials(tx, box, contexts));
  RETURN_IF_ERROR(store::InsertSealKey(tx, {box.Id(), box.Seal(kCanary, kCanaryContext)}));
  return box;
}

}  // namespace

absl::StatusOr<auth::SecretBox> OpenMasterKey(store::Database* database, const std::string& path,
                                              const SealContexts& contexts) {
  std::optional<auth::SecretBox> box;
  // A file that was made before the commit failed is the one that the next try records.
  RETURN_IF_ERROR(database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(box, OpenIn(tx, path, contexts));
    return absl::OkStatus();
  }));
  return *std::move(box);
}

}  // namespace dmgr::secrets

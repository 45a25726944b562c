#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "server/secrets/audit_chain.h"
#include "server/secrets/key_watch.h"
#include "server/secrets/rotate.h"

namespace dmgr::secrets {
namespace {

constexpr int kStepsAtOnce = 500;

// Of operations' steps: those that need theirs cannot go on, and say so.
absl::Status ForgetSteps(store::Transaction& tx, store::SealedColumn column) {
  std::string after;
  do {
    ASSIGN_OR_RETURN(const auto part, store::ReadSealed(tx, column, after, kStepsAtOnce));
    for (const store::SealedRow& row : part.rows) {
      const std::vector<std::string> nothing(row.sealed.size());
      RETURN_IF_ERROR(store::WriteSealed(tx, row, nothing));
    }
    after = part.next;
  } while (!after.empty());
  return absl::OkStatus();
}

absl::Status CheckLost(const store::SealKeyRecord& record, const auth::SecretBox* present) {
  // Of a change that cannot be ended, the other key is lost.
  if (!record.next_key_id.empty()) return absl::OkStatus();
  if (present == nullptr || present->Id() != record.key_id) return absl::OkStatus();
  if (!OpensCanary(*present, record.canary)) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "KEY_NOT_LOST",
               "the master key (id {}) is there, and opens what the database holds", record.key_id)
      .Remedy("there is nothing to give up; to change the key: --rotate-master-key");
}

}  // namespace

absl::StatusOr<store::Forgotten> ForgetSecrets(store::Database* database,
                                               const auth::SecretBox* present,
                                               const auth::SecretBox& next) {
  store::Forgotten forgotten;
  RETURN_IF_ERROR(database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(CheckNobodyServes(tx));
    ASSIGN_OR_RETURN(const auto record, store::LockSealKey(tx));
    if (record.has_value()) RETURN_IF_ERROR(CheckLost(*record, present));
    const auto recorded = RecordOf(next);
    RETURN_IF_ERROR(record.has_value() ? store::UpdateSealKey(tx, recorded)
                                       : store::InsertSealKey(tx, recorded));
    ASSIGN_OR_RETURN(forgotten, store::ForgetSealed(tx));
    RETURN_IF_ERROR(ForgetSteps(tx, store::SealedColumn::kStepPayload));
    RETURN_IF_ERROR(ForgetSteps(tx, store::SealedColumn::kStepResult));
    const std::string former = record.has_value() ? record->key_id : "unknown";
    return EndKey(tx, {.former = nullptr, .former_id = former}, next,
                  {.user_name = "dmgrd",
                   .peer = "local",
                   .method = "dmgrd --forget-secrets",
                   .target = former + " to " + next.Id()});
  }));
  return forgotten;
}

}  // namespace dmgr::secrets

#include "server/secrets/rotate.h"

#include <optional>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "server/secrets/audit_chain.h"
#include "server/secrets/key_watch.h"

namespace dmgr::secrets {
namespace {

absl::Status NotRecorded(std::string_view which, const std::string& id, const std::string& wanted) {
  return Error(absl::StatusCode::kFailedPrecondition, "KEY_MISMATCH",
               "the {} master key has the id {}, the database wants that of id {}", which, id,
               wanted)
      .Remedy("take the two keys that the change was begun with");
}

class Rotator {
 public:
  Rotator(const auth::SecretBox* present, const auth::SecretBox* next, const SealContexts* contexts,
          const RotationOptions* options)
      : present_(*present), next_(*next), contexts_(*contexts), options_(*options) {}

  // False: the database has the next key already.
  absl::StatusOr<bool> Begin(store::Transaction& tx) const;
  // A part of a column; *after becomes where the next one begins, or empty.
  absl::Status Part(store::Transaction& tx, store::SealedColumn column, std::string* after);
  absl::Status End(store::Transaction& tx) const;

  // Of the transaction that was committed.
  void Keep() {
    kept_.resealed += part_.resealed;
    kept_.unreadable.insert(kept_.unreadable.end(), part_.unreadable.begin(),
                            part_.unreadable.end());
    part_ = {};
  }
  const Rotation& kept() const { return kept_; }

 private:
  absl::StatusOr<std::vector<std::string>> ContextsOf(store::Transaction& tx,
                                                      const store::SealedRow& row) const;
  // nullopt when neither key opens it.
  std::optional<std::string> Anew(const std::string& sealed,
                                  const std::vector<std::string>& contexts) const;
  absl::Status CheckBegun(store::Transaction& tx) const;

  const auth::SecretBox& present_;
  const auth::SecretBox& next_;
  const SealContexts& contexts_;
  const RotationOptions& options_;
  Rotation kept_;
  Rotation part_;
};

absl::StatusOr<bool> Rotator::Begin(store::Transaction& tx) const {
  RETURN_IF_ERROR(CheckNobodyServes(tx));
  ASSIGN_OR_RETURN(auto record, store::LockSealKey(tx));
  if (!record.has_value()) {
    return Error(absl::StatusCode::kFailedPrecondition, "KEY_MISSING",
                 "this database has no master key yet")
        .Remedy("start dmgrd once: it makes one, or takes the one that is there");
  }
  const bool is_done = record->next_key_id.empty() && record->key_id == next_.Id();
  if (is_done && OpensCanary(next_, record->canary)) return false;
  if (record->key_id != present_.Id() || !OpensCanary(present_, record->canary)) {
    return NotRecorded("present", present_.Id(), record->key_id);
  }
  if (record->next_key_id == next_.Id() && OpensCanary(next_, record->next_canary)) return true;
  if (!record->next_key_id.empty()) {
    return NotRecorded("next", next_.Id(), record->next_key_id);
  }
  const auto recorded = RecordOf(next_);
  record->next_key_id = recorded.key_id;
  record->next_canary = recorded.canary;
  RETURN_IF_ERROR(store::UpdateSealKey(tx, *record));
  return true;
}

absl::Status Rotator::CheckBegun(store::Transaction& tx) const {
  RETURN_IF_ERROR(CheckNobodyServes(tx));
  ASSIGN_OR_RETURN(const auto record, store::LockSealKey(tx));
  if (record.has_value() && record->key_id == present_.Id() && record->next_key_id == next_.Id()) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kFailedPrecondition, "KEY_IN_USE",
               "the master key is being changed by another one at the same time")
      .Remedy("let that one end, and look what became of it");
}

absl::StatusOr<std::vector<std::string>> Rotator::ContextsOf(store::Transaction& tx,
                                                             const store::SealedRow& row) const {
  if (row.column == store::SealedColumn::kFormerKey) {
    return std::vector<std::string>{FormerKeyContext(row.owner)};
  }
  if (row.column != store::SealedColumn::kCredential) return contexts_.others(row);
  ASSIGN_OR_RETURN(const auto machine, store::GetMachine(tx, row.owner));
  return std::vector<std::string>{contexts_.credential(machine)};
}

std::optional<std::string> Rotator::Anew(const std::string& sealed,
                                         const std::vector<std::string>& contexts) const {
  if (next_.HasSealed(sealed)) return sealed;
  for (const std::string& context : contexts) {
    auto opened = present_.Open(sealed, context);
    if (!opened.ok()) continue;
    const Secret text(*std::move(opened));
    return next_.Seal(text.text(), context);
  }
  return std::nullopt;
}

absl::Status Rotator::Part(store::Transaction& tx, store::SealedColumn column, std::string* after) {
  part_ = {};
  RETURN_IF_ERROR(CheckBegun(tx));
  ASSIGN_OR_RETURN(const auto part, store::ReadSealed(tx, column, *after, options_.batch));
  for (const store::SealedRow& row : part.rows) {
    ASSIGN_OR_RETURN(const auto contexts, ContextsOf(tx, row));
    std::vector<std::string> sealed;
    int anew = 0;
    for (const std::string& former : row.sealed) {
      const auto next = Anew(former, contexts);
      if (!next.has_value()) {
        part_.unreadable.push_back(store::NameOf(column) + " of " + row.owner);
      }
      sealed.push_back(next.value_or(former));
      anew += sealed.back() != former ? 1 : 0;
    }
    if (anew == 0) continue;
    RETURN_IF_ERROR(store::WriteSealed(tx, row, sealed));
    part_.resealed += anew;
  }
  *after = part.next;
  return absl::OkStatus();
}

absl::Status Rotator::End(store::Transaction& tx) const {
  RETURN_IF_ERROR(CheckBegun(tx));
  RETURN_IF_ERROR(store::UpdateSealKey(tx, RecordOf(next_)));
  return EndKey(tx, {.former = &present_, .former_id = present_.Id()}, next_,
                {.user_name = "dmgrd",
                 .peer = "local",
                 .method = "dmgrd --rotate-master-key",
                 .target = present_.Id() + " to " + next_.Id()});
}

}  // namespace

absl::StatusOr<Rotation> RotateMasterKey(store::Database* database, const auth::SecretBox& present,
                                         const auth::SecretBox& next, const SealContexts& contexts,
                                         const RotationOptions& options) {
  Rotator rotator(&present, &next, &contexts, &options);
  const auto committed = [&](const std::string& what) {
    if (options.committed) options.committed(what);
  };
  bool is_begun = false;
  RETURN_IF_ERROR(database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(is_begun, rotator.Begin(tx));
    return absl::OkStatus();
  }));
  if (!is_begun) return Rotation{.resealed = 0, .unreadable = {}, .was_done = true};
  committed("begin");
  for (const store::SealedColumn column : store::SealedColumns()) {
    std::string after;
    do {
      std::string reached;
      RETURN_IF_ERROR(database->Transact([&](store::Transaction& tx) -> absl::Status {
        reached = after;
        return rotator.Part(tx, column, &reached);
      }));
      rotator.Keep();
      committed(store::NameOf(column));
      after = reached;
    } while (!after.empty());
  }
  RETURN_IF_ERROR(
      database->Transact([&](store::Transaction& tx) -> absl::Status { return rotator.End(tx); }));
  committed("end");
  return rotator.kept();
}

}  // namespace dmgr::secrets

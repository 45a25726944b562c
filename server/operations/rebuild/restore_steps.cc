#include "server/operations/rebuild/restore_steps.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/clusters/copies.h"
#include "server/clusters/migration.h"
#include "server/operations/rebuild/plan.h"
#include "server/operations/steps/runner.h"
#include "server/store/copy_store.h"
#include "server/store/migration_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using store::MigrationKey;
using store::MigrationKind;

// In the order in which each finds what it names.
constexpr MigrationKind kKinds[] = {MigrationKind::kTarget, MigrationKind::kSource,
                                    MigrationKind::kTask};

// Stands for the copy that the call which made the operation inserted.
class KeepBackup : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext&) override { return StepResult{}; }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::RestoreParams>(context));
    StepResult result;
    result.commit = [uuid = context.operation().operation.cluster_uuid(), id = params.copy_id()](
                        store::Transaction& tx) { return store::DropCopy(tx, uuid, id); };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

store::Wanted WantedBy(const std::string& word) {
  if (word == "running") return store::Wanted::kRunning;
  if (word == "paused") return store::Wanted::kPaused;
  return word == "stopped" ? store::Wanted::kStopped : store::Wanted::kNone;
}

// Makes what a backup has the sources, targets and tasks of a cluster, in one transaction.
class Recorder {
 public:
  Recorder(const Resources& resources, std::string cluster, std::string uuid, std::string user)
      : resources_(resources),
        cluster_(std::move(cluster)),
        uuid_(std::move(uuid)),
        user_(std::move(user)) {}

  absl::Status Record(store::Transaction& tx, const pv1::BackupRecords& records) const {
    std::set<std::pair<std::string, std::string>> kept;
    for (const auto& record : records.records()) kept.emplace(record.kind(), record.name());
    for (const auto kind : kKinds) {
      for (const auto& record : records.records()) {
        if (record.kind() == store::NameOf(kind)) RETURN_IF_ERROR(Put(tx, kind, record));
      }
    }
    // Tasks first: they name what comes after them.
    for (auto kind = std::rbegin(kKinds); kind != std::rend(kKinds); ++kind) {
      RETURN_IF_ERROR(DropOthers(tx, *kind, kept));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Put(store::Transaction& tx, MigrationKind kind,
                   const pv1::BackupRecord& from) const {
    store::MigrationRecord record;
    record.key = {.cluster_uuid = uuid_, .kind = kind, .name = from.name()};
    record.wanted = WantedBy(from.wanted());
    record.target_name = from.target_name();
    record.details_json = from.details_json();
    ASSIGN_OR_RETURN(const auto present, store::FindMigration(tx, record.key));
    if (present.has_value() && IsSame(*present, from.config())) {
      record.config = present->config;
    } else {
      ASSIGN_OR_RETURN(const auto revision, store::NextRevision(tx, record.key));
      record.config =
          clusters::SealMigration(resources_, record.key, revision, from.config(), user_);
      RETURN_IF_ERROR(store::InsertRevision(tx, record.key, record.config));
    }
    return store::SetMigration(tx, record);
  }

  bool IsSame(const store::MigrationRecord& present, const std::string& config) const {
    const auto opened = clusters::OpenMigration(resources_, present.key, present.config);
    return opened.ok() && *opened == config;
  }

  absl::Status DropOthers(store::Transaction& tx, MigrationKind kind,
                          const std::set<std::pair<std::string, std::string>>& kept) const {
    ASSIGN_OR_RETURN(const auto present,
                     store::ListMigrations(tx, {.kind = kind, .cluster_name = cluster_}));
    for (const auto& one : present) {
      if (kept.contains({store::NameOf(kind), one.key.name})) continue;
      RETURN_IF_ERROR(store::DropMigration(tx, one.key));
    }
    return absl::OkStatus();
  }

  const Resources& resources_;
  const std::string cluster_;
  const std::string uuid_;
  const std::string user_;
};

class RecordRestored : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::RestoreParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto copy,
                     clusters::OpenCopy(resources(), record.cluster.uuid, params.copy_id()));
    auto records = std::make_shared<pv1::BackupRecords>();
    if (!records->ParseFromString(copy.records())) {
      return absl::DataLossError("what a backup has of sources and tasks cannot be read");
    }
    auto recorder = std::make_shared<Recorder>(resources(), record.cluster.name,
                                               record.cluster.uuid, params.user_name());
    StepResult result;
    result.commit = [recorder, records](store::Transaction& tx) {
      return recorder->Record(tx, *records);
    };
    return result;
  }
};

}  // namespace

void RegisterRestoreRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kKeepCopy, std::make_unique<KeepBackup>(resources));
  registry->Add(kRecordRestored, std::make_unique<RecordRestored>(resources));
}

}  // namespace dmgr::operations

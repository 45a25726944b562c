// The call that restores a backup.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "common/version.h"
#include "server/backups/contents.h"
#include "server/backups/seal.h"
#include "server/clusters/copies.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/rebuild/plan.h"
#include "server/operations/rebuild/rebuild.h"
#include "server/operations/steps/let_go.h"
#include "server/store/copy_store.h"
#include "server/store/migration_store.h"

namespace dmgr::operations {
namespace {

using store::MigrationKind;

constexpr absl::Duration kStatusTime = absl::Seconds(10);

absl::Status CheckNotNewer(const topology::Cluster& cluster, const backups::Contents& contents) {
  const auto of_backup = DmVersion::Parse(contents.backup.cluster_version());
  const auto here = DmVersion::Parse(cluster.version);
  if (of_backup.has_value() && here.has_value() && of_backup->Release() <= here->Release()) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kFailedPrecondition, "BACKUP_IS_NEWER",
               "the backup is of DM {}, and cluster {} has {}, which may not read what a newer one "
               "kept",
               contents.backup.cluster_version(), cluster.name, cluster.version)
      .With("cluster", cluster.name)
      .Remedy("upgrade the cluster first")
      .Next(v1::ACTION_UPGRADE_CLUSTER, {{"cluster_name", cluster.name}});
}

// Who does not know whether a task runs says so.
absl::Status CheckIdle(const Resources& resources, const Subject& subject, bool force) {
  if (force || subject.record.state == v1::CLUSTER_STATE_OFFLINE) return absl::OkStatus();
  const topology::Cluster& cluster = subject.record.cluster;
  ASSIGN_OR_RETURN(const auto status,
                   resources.members->migrations().QueryStatus(
                       cluster, "", {.deadline = SteadyNow() + kStatusTime, .cancelled = {}}));
  std::set<std::string> running;
  for (const auto& source : status.sources()) {
    for (const auto& subtask : source.sub_task_status()) {
      if (subtask.stage() == pb::STAGE_RUNNING) running.insert(subtask.name());
    }
  }
  if (running.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "TASKS_RUN",
               "tasks of cluster {} run, which a restore ends: {}", cluster.name,
               fmt::join(running, ", "))
      .With("cluster", cluster.name)
      .Remedy("stop or delete them first; or by force they end")
      .Next(v1::ACTION_RESTORE_CLUSTER, {{"cluster_name", cluster.name}, {"force", "true"}});
}

struct Names {
  std::vector<std::string> sources;
  std::vector<std::string> tasks;
};

// Of what the cluster has and the backup has not.
absl::StatusOr<Names> FindForgotten(const Resources& resources, const std::string& cluster,
                                    const pv1::BackupRecords& records) {
  std::set<std::pair<std::string, std::string>> kept;
  for (const auto& record : records.records()) kept.emplace(record.kind(), record.name());
  Names names;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    names = Names{};
    for (const auto& [kind, list] : {std::pair(MigrationKind::kSource, &names.sources),
                                     std::pair(MigrationKind::kTask, &names.tasks)}) {
      ASSIGN_OR_RETURN(const auto present,
                       store::ListMigrations(tx, {.kind = kind, .cluster_name = cluster}));
      for (const auto& one : present) {
        if (!kept.contains({store::NameOf(kind), one.key.name})) list->push_back(one.key.name);
      }
    }
    return absl::OkStatus();
  }));
  return names;
}

std::string Counted(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// What is replaced by what.
std::string WordsFor(const pv1::Backup& backup, const Names& forgotten) {
  const auto count = [&](const char* kind) {
    return static_cast<std::size_t>(std::ranges::count_if(
        backup.records().records(), [&](const auto& record) { return record.kind() == kind; }));
  };
  std::string words = fmt::format(
      "record {} and {}, as cluster {} had them on {}", Counted(count("source"), "source"),
      Counted(count("task"), "task"), backup.cluster_name(),
      absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixSeconds(backup.confirm_seconds()),
                       absl::UTCTimeZone()));
  if (!forgotten.tasks.empty()) {
    words += fmt::format("; forget the tasks {}", fmt::join(forgotten.tasks, ", "));
  }
  if (!forgotten.sources.empty()) {
    words += fmt::format("; forget the sources {}", fmt::join(forgotten.sources, ", "));
  }
  return words;
}

absl::StatusOr<store::CopyRecord> CopyFor(const Resources& resources, const Subject& subject,
                                          const backups::Contents& contents) {
  dm::KeysCopy keys = contents.keys;
  keys.set_records(contents.backup.records().SerializeAsString());
  ASSIGN_OR_RETURN(auto copy, clusters::SealCopy(resources, subject.record.cluster.uuid, keys));
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(copy.copy_id, store::ReserveCopy(tx));
    return absl::OkStatus();
  }));
  return copy;
}

}  // namespace

absl::StatusOr<v1::Operation> RestoreCluster(const Resources& resources,
                                             const v1::RestoreClusterHeader& request,
                                             std::string_view sealed, const Caller& caller) {
  ASSIGN_OR_RETURN(std::string plain, backups::OpenBackup(sealed, request.passphrase()));
  const WipeAtEnd wiped(&plain);
  ASSIGN_OR_RETURN(const auto contents, backups::ReadContents(plain));
  v1::Selection dm;
  dm.add_components(v1::COMPONENT_DM_MASTER);
  dm.add_components(v1::COMPONENT_DM_WORKER);
  const HostRules hosts = {};
  store::CopyRecord copy;
  Restoring restoring{.user_name = caller.user};
  ChangeRules rules;
  rules.selection = &dm;
  rules.hosts = &hosts;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(RequireDeployed(subject.record));
    RETURN_IF_ERROR(RequireAllJoined(subject.record));
    return CheckNotNewer(subject.record.cluster, contents);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(CheckIdle(resources, subject, request.force()));
    ASSIGN_OR_RETURN(const auto forgotten, FindForgotten(resources, subject.record.cluster.name,
                                                         contents.backup.records()));
    restoring.words = WordsFor(contents.backup, forgotten);
    ASSIGN_OR_RETURN(copy, CopyFor(resources, subject, contents));
    restoring.copy_id = copy.copy_id;
    return absl::OkStatus();
  };
  rules.plan = [&](const Subject& subject) {
    return PlanRestore(subject.record.cluster, subject.instances, restoring);
  };
  rules.store = [&](store::Transaction& tx) { return store::InsertCopy(tx, copy); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations

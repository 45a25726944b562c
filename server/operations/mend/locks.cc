// Locks of shard DDL.
#include <algorithm>
#include <optional>
#include <string>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/migrations/task_status.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/mend/look.h"
#include "server/operations/mend/mend.h"
#include "server/operations/mend/plan.h"

namespace dmgr::operations {
namespace {

constexpr int kMostLocks = 1000;
constexpr int kMostParts = 1000;
constexpr std::size_t kShardName = 300;

template <typename From, typename To>
void AddTexts(const From& from, std::size_t most, To* to) {
  for (const auto& text : from) {
    if (to->size() == kMostParts) return;
    to->Add(migrations::CleanText(text, most));
  }
}

v1::ShardLock ShownLock(const std::string& cluster, const pb::DDLLock& from) {
  v1::ShardLock lock;
  lock.set_lock_id(migrations::CleanText(from.id(), kShardName));
  lock.set_task_name(migrations::CleanText(from.task(), kShardName));
  lock.set_mode(migrations::CleanText(from.mode(), kShardName));
  lock.set_owner_source_id(migrations::CleanText(from.owner(), kShardName));
  AddTexts(from.ddls(), kStatementText, lock.mutable_statements());
  AddTexts(from.synced(), kShardName, lock.mutable_synced_shards());
  AddTexts(from.unsynced(), kShardName, lock.mutable_unsynced_shards());
  auto* next = lock.add_next_actions();
  next->set_action(v1::ACTION_UNLOCK_SHARD_LOCK);
  (*next->mutable_arguments())["cluster_name"] = cluster;
  (*next->mutable_arguments())["lock_id"] = lock.lock_id();
  return lock;
}

absl::Status FindLock(const Resources& resources, const topology::Cluster& cluster,
                      pv1::UnlockParams* params) {
  ASSIGN_OR_RETURN(const auto listed,
                   resources.members->migrations().ListLocks(cluster, "", WithinLook()));
  const auto lock = std::ranges::find_if(
      listed.locks(), [&](const auto& one) { return one.id() == params->lock_id(); });
  if (lock == listed.locks().end()) {
    return Error(absl::StatusCode::kNotFound, "LOCK_NOT_FOUND", "cluster {} has no shard lock {}",
                 cluster.name, params->lock_id())
        .With("cluster", cluster.name)
        .With("lock", params->lock_id())
        .Remedy("list the locks: it may have been resolved meanwhile");
  }
  params->set_task_name(lock->task());
  AddTexts(lock->ddls(), kStatementText, params->mutable_statements());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::ListShardLocksResponse> ListShardLocks(
    const Resources& resources, const v1::ListShardLocksRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  ASSIGN_OR_RETURN(const auto listed, resources.members->migrations().ListLocks(
                                          record.cluster, request.task_name(), WithinLook()));
  v1::ListShardLocksResponse response;
  for (const auto& lock : listed.locks()) {
    if (response.locks_size() == kMostLocks) break;
    *response.add_locks() = ShownLock(request.cluster_name(), lock);
  }
  return response;
}

absl::StatusOr<v1::Operation> UnlockShardLock(const Resources& resources,
                                              const v1::UnlockShardLockRequest& request,
                                              const Caller& caller) {
  pv1::UnlockParams params;
  params.set_lock_id(request.lock_id());
  params.set_owner_source_id(request.owner_source_id());
  params.set_force_remove(request.force_remove());
  params.set_action(request.action());
  *params.mutable_source_ids() = request.source_ids();
  params.set_database_name(request.database_name());
  params.set_table_name(request.table_name());
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [&](const Subject& subject) -> absl::Status {
    if (!v1::ShardLockAction_IsValid(request.action())) {
      return UnfitRequest("what becomes of the statements was not understood", "name an action");
    }
    if (request.database_name().empty() != request.table_name().empty()) {
      return UnfitRequest("a shard is named by database and table", "name both, or neither");
    }
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) {
    return FindLock(resources, subject.record.cluster, &params);
  };
  rules.plan = [&](const Subject& subject) { return PlanUnlock(subject.record.cluster, params); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations

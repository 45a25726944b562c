#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/clusters/leftovers.h"
#include "server/clusters/removal.h"
#include "server/leftovers/in_use.h"
#include "server/leftovers/leftovers.h"
#include "server/machines/access.h"
#include "server/store/cluster_store.h"
#include "server/store/machine_store.h"
#include "server/store/operation_store.h"

namespace dmgr::leftovers {
namespace {

namespace hv1 = ::dmgr::host::v1;

// What a far end does for one cluster. The whole call is to end before its caller gives up.
constexpr absl::Duration kCleanTimeout = absl::Seconds(90);
constexpr int kAllClusters = 1000000;
constexpr char kClusterRecords[] = "/var/lib/dmgr/clusters";

struct Situation {
  std::string machine_id;
  // Of the host, or the machine's id.
  std::string identity;
  // All machines that are the same host.
  std::vector<std::string> machine_ids;
  std::vector<store::LeftoverRecord> leftovers;
  std::vector<store::ClusterRecord> clusters;
};

std::string IdentityOf(const v1::Machine& machine) {
  const std::string& identity = machine.facts().machine_identity();
  return identity.empty() ? machine.machine_id() : identity;
}

absl::StatusOr<Situation> LoadSituation(const Resources& resources, const std::string& machine_id) {
  Situation now;
  now.machine_id = machine_id;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto machine, store::GetMachine(tx, machine_id));
    now.identity = IdentityOf(machine.machine);
    ASSIGN_OR_RETURN(const auto machines, store::ListMachines(tx, "", kAllClusters));
    now.machine_ids.clear();
    for (const auto& one : machines) {
      if (IdentityOf(one.machine) == now.identity) {
        now.machine_ids.push_back(one.machine.machine_id());
      }
    }
    ASSIGN_OR_RETURN(now.leftovers, store::ListLeftoversOn(tx, machine_id));
    ASSIGN_OR_RETURN(now.clusters, store::ListClusters(tx, "", kAllClusters));
    return absl::OkStatus();
  }));
  return now;
}

// The far end of a cluster that an operation works on would be ended.
absl::Status CheckNobodyWorks(const Resources& resources, const Situation& now) {
  std::set<std::string> uuids;
  for (const auto& leftover : now.leftovers) uuids.insert(leftover.cluster_uuid);
  return resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    for (const auto& record : now.clusters) {
      if (!uuids.contains(record.cluster.uuid)) continue;
      RETURN_IF_ERROR(store::CheckFree(tx, record.cluster.name, /*supersede=*/true));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<host::FarEnd>> OpenFor(const Resources& resources,
                                                      const store::LeftoverRecord& leftover,
                                                      const Cleaning& cleaning,
                                                      absl::Time deadline) {
  hv1::Begin begin;
  begin.set_mode(hv1::Begin::MODE_CHANGE);
  begin.set_cluster_uuid(leftover.cluster_uuid);
  begin.set_start_number(1);
  for (const auto& instance : cleaning.removal.instances()) begin.add_units(instance.unit());
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::uint64_t epoch, store::NextEpoch(tx));
    begin.set_epoch(epoch);
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(auto access, machines::LoadAccess(resources, leftover.machine_id));
  return machines::OpenFarEnd(resources, access, begin, deadline);
}

absl::StatusOr<bool> IsThere(host::FarEnd& far_end, const std::string& path,
                             const host::CallOptions& options) {
  hv1::ToHost request;
  request.mutable_inspect()->add_paths(path);
  ASSIGN_OR_RETURN(const auto reply, far_end.Call(std::move(request), options));
  return reply.inspect().paths_size() == 1 &&
         reply.inspect().paths(0).type() != hv1::PathState::TYPE_ABSENT;
}

// Removes it from the host; adds what stays to cleaning->kept.
absl::Status Remove(const Resources& resources, const store::LeftoverRecord& leftover,
                    Cleaning* cleaning) {
  host::CallOptions options;
  options.deadline = SteadyNow() + kCleanTimeout;
  ASSIGN_OR_RETURN(auto far_end, OpenFor(resources, leftover, *cleaning, options.deadline));
  const std::string& identity = far_end->begin_reply().machine_id();
  if (!identity.empty() && leftover.host_identity != leftover.machine_id &&
      identity != leftover.host_identity) {
    cleaning->removal.Clear();
    cleaning->kept.push_back(
        "everything: the host is another one than the one on which it was left");
    return absl::OkStatus();
  }
  // Without the cluster's record nothing there is known to be the cluster's.
  ASSIGN_OR_RETURN(
      const bool known,
      IsThere(*far_end, fmt::format("{}/{}", kClusterRecords, leftover.cluster_uuid), options));
  if (!known) {
    cleaning->removal.clear_dirs();
    cleaning->removal.clear_instances();
    cleaning->given.clear();
  }
  hv1::ToHost request;
  auto* batch = request.mutable_batch();
  for (const auto& given : cleaning->given) *batch->add_requests()->mutable_hand_over() = given;
  batch->MergeFrom(clusters::EndAndRemove(cleaning->removal));
  ASSIGN_OR_RETURN(const auto reply, far_end->Call(std::move(request), options));
  for (auto& what : clusters::LeftBy(reply.batch())) cleaning->kept.push_back(std::move(what));
  return absl::OkStatus();
}

// Of several that one cluster left there, only the last one has the cluster leave the host: by its
// record there the others are removed.
void LeaveLast(std::vector<store::LeftoverRecord>* leftovers) {
  for (auto one = leftovers->begin(); one != leftovers->end(); ++one) {
    const auto last = std::find_if(leftovers->rbegin(), leftovers->rend(), [&](const auto& other) {
      return other.cluster_uuid == one->cluster_uuid && other.removal.leaves();
    });
    if (last == leftovers->rend() || &*last == &*one) continue;
    last->removal.mutable_store_dirs()->MergeFrom(one->removal.store_dirs());
    last->removal.mutable_parents()->MergeFrom(one->removal.parents());
    one->removal.set_leaves(false);
    one->removal.clear_store_dirs();
    one->removal.clear_hashes();
  }
}

void Tell(const store::LeftoverRecord& leftover, const Cleaning& cleaning,
          v1::CleanMachineResponse* response) {
  auto* cleaned = response->add_cleaned();
  *cleaned->mutable_leftover() = clusters::ToApi(leftover);
  const pv1::HostRemoval& removal = cleaning.removal;
  for (const auto& instance : removal.instances()) cleaned->add_removed(instance.unit());
  for (const auto& dir : removal.dirs()) cleaned->add_removed(dir);
  if (removal.leaves() && removal.made_user()) {
    cleaned->add_removed("user " + removal.user() + ", unless another cluster has it");
  }
  for (const auto& kept : cleaning.kept) cleaned->add_kept(kept);
}

}  // namespace

absl::StatusOr<Older> LoadOlder(const Resources& resources, const std::string& cluster_uuid,
                                const std::string& machine_id) {
  Older older;
  ASSIGN_OR_RETURN(Situation now, LoadSituation(resources, machine_id));
  // What it has there again goes with it.
  std::erase_if(now.clusters,
                [&](const auto& record) { return record.cluster.uuid == cluster_uuid; });
  for (const auto& leftover : now.leftovers) {
    if (leftover.cluster_uuid != cluster_uuid) continue;
    Cleaning cleaning = CleaningOf(leftover, now.clusters, now.machine_ids);
    for (auto& given : cleaning.given) older.given.push_back(std::move(given));
    older.removals.push_back(std::move(cleaning.removal));
  }
  return older;
}

absl::Status CleanMachine(const Resources& resources, const v1::CleanMachineRequest& request,
                          const store::Finish& finish, v1::CleanMachineResponse* response) {
  ASSIGN_OR_RETURN(Situation now, LoadSituation(resources, request.machine_id()));
  LeaveLast(&now.leftovers);
  RETURN_IF_ERROR(CheckNobodyWorks(resources, now));
  for (const auto& leftover : now.leftovers) {
    Cleaning cleaning = CleaningOf(leftover, now.clusters, now.machine_ids);
    if (!request.validate_only()) {
      RETURN_IF_ERROR(Remove(resources, leftover, &cleaning));
      RETURN_IF_ERROR(resources.database->Transact(
          [&](store::Transaction& tx) { return store::DeleteLeftover(tx, leftover.leftover_id); }));
    }
    Tell(leftover, cleaning, response);
  }
  return resources.database->Transact(
      [&](store::Transaction& tx) { return finish(tx, *response); });
}

}  // namespace dmgr::leftovers

#include "server/operations/steps/hand_over.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/clusters/removal.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/units.h"
#include "server/store/borrowed_store.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

// As it is now: what an operation knows of its cluster may be from before a first try.
struct Estate {
  std::set<std::string> instances;
  std::vector<store::Heir> heirs;
};

absl::StatusOr<Estate> EstateOf(const Resources& resources, const std::string& cluster) {
  Estate estate;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    estate = Estate{};
    ASSIGN_OR_RETURN(estate.heirs, store::ListHeirs(tx, cluster));
    ASSIGN_OR_RETURN(const auto record, store::GetCluster(tx, cluster));
    for (const auto& one : record.cluster.instances) estate.instances.insert(one.name);
    return absl::OkStatus();
  }));
  return estate;
}

hv1::HandOver RequestFor(const store::Heir& heir, const Instance& instance,
                         const v1::Package& package, const clusters::HostBefore& before) {
  clusters::pv1::HostRemoval::Instance removed;
  removed.set_unit(instance.Unit());
  clusters::NoteReleases(instance, package, before, &removed);
  return clusters::HandOverTo(heir.cluster_uuid, clusters::DirsOf(instance), removed);
}

// What is recorded of a host; nothing when it was never looked at.
absl::StatusOr<clusters::HostBefore> BeforeOn(store::Transaction& tx, const std::string& cluster,
                                              const std::string& machine) {
  ASSIGN_OR_RETURN(const auto records, store::ListHostRecords(tx, cluster));
  const auto found = std::ranges::find(records, machine, &store::HostRecord::machine_id);
  if (found == records.end()) return clusters::HostBefore{};
  return clusters::HostBeforeFromJson(found->before_json);
}

// The exporter's row, its place in the topology, and what was there before it become the heir's.
absl::Status Bequeath(const Resources& resources, store::Transaction& tx,
                      const topology::Cluster& cluster, const Instance& instance,
                      const store::Heir& heir) {
  RETURN_IF_ERROR(store::LockCluster(tx, cluster.name));
  ASSIGN_OR_RETURN(auto record, store::GetCluster(tx, cluster.name));
  RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
  ASSIGN_OR_RETURN(const auto before, BeforeOn(tx, cluster.name, instance.machine_id));
  ASSIGN_OR_RETURN(const auto known, BeforeOn(tx, heir.cluster, heir.instance.machine_id));
  topology::Cluster only = cluster;
  only.instances = {instance};
  const clusters::HostBefore inherited =
      clusters::Merge(known, clusters::Reduce(before, only, instance.machine_id));
  RETURN_IF_ERROR(
      store::Inherit(tx, cluster.name, heir, {heir.instance.machine_id, ToJson(inherited)}));
  topology::RemoveServers({instance}, &record.topology);
  clusters::SealOptions(resources, &record);
  return store::SetTopology(tx, cluster.name, record.topology, record.sealed_options);
}

// First the host, then the record: what the heir has by record is on the host for sure.
absl::Status HandOver(const Resources& resources, engine::StepContext& context,
                      const store::ClusterRecord& record, const store::Heir& heir,
                      const Instance& instance, const clusters::HostBefore& before) {
  ASSIGN_OR_RETURN(const auto package, warehouse::LoadPackage(resources, record.cluster.version));
  hv1::ToHost request;
  *request.mutable_hand_over() = RequestFor(heir, instance, package, before);
  RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
  RETURN_IF_ERROR(context.CheckClaim());
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) {
    return Bequeath(resources, tx, record.cluster, instance, heir);
  }));
  context.Log(v1::LogLine::LEVEL_INFO,
              fmt::format("{} on {} is cluster {}'s from now on, which shares it", instance.name,
                          instance.host, heir.cluster));
  return absl::OkStatus();
}

absl::Status StopOthers(engine::StepContext& context, const std::vector<const Instance*>& others) {
  if (others.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, others));
  std::vector<const Instance*> running;
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (units[i].loaded()) running.push_back(others[i]);
  }
  return running.empty() ? absl::OkStatus() : StopInstances(context, running);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> HandOverExporters(const Resources& resources,
                                                           engine::StepContext& context,
                                                           const store::ClusterRecord& record,
                                                           const topology::Cluster& leaving,
                                                           const clusters::HostBefore& before) {
  std::vector<const Instance*> exporters = leaving.OnMachine(Machine(context));
  std::erase_if(exporters, [](const auto* i) { return !topology::IsExporter(i->component); });
  std::vector<std::string> given;
  if (exporters.empty()) return given;
  ASSIGN_OR_RETURN(const auto estate, EstateOf(resources, record.cluster.name));
  std::vector<const Instance*> others;
  for (const auto* exporter : exporters) {
    const auto heir = std::ranges::find(estate.heirs, exporter->name, &store::Heir::lent);
    if (heir != estate.heirs.end()) {
      RETURN_IF_ERROR(HandOver(resources, context, record, *heir, *exporter, before));
    } else if (estate.instances.contains(exporter->name)) {
      others.push_back(exporter);
      continue;
    }
    given.push_back(exporter->name);
  }
  RETURN_IF_ERROR(StopOthers(context, others));
  return given;
}

absl::Status BequeathExporters(const Resources& resources, store::Transaction& tx,
                               const topology::Cluster& unreached) {
  ASSIGN_OR_RETURN(const auto heirs, store::ListHeirs(tx, unreached.name));
  for (const auto& heir : heirs) {
    const auto exporter = std::ranges::find(unreached.instances, heir.lent, &Instance::name);
    if (exporter == unreached.instances.end()) continue;
    RETURN_IF_ERROR(Bequeath(resources, tx, unreached, *exporter, heir));
  }
  return absl::OkStatus();
}

}  // namespace dmgr::operations

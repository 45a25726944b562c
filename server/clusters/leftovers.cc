#include "server/clusters/leftovers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/clusters/removal.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::clusters {
namespace {

void RememberReleases(const topology::Cluster& leaving, const v1::Package& package,
                      const HostBefore& before, pv1::HostRemoval* removal) {
  for (auto& out : *removal->mutable_instances()) {
    const auto instance =
        std::ranges::find(leaving.instances, out.name(), &topology::Instance::name);
    if (instance != leaving.instances.end()) NoteReleases(*instance, package, before, &out);
  }
}

}  // namespace

absl::StatusOr<store::LeftoverRecord> LeftoverOf(const Resources& resources,
                                                 const store::ClusterRecord& record,
                                                 const topology::Cluster& leaving,
                                                 const std::string& machine_id,
                                                 const std::string& operation_id) {
  ASSIGN_OR_RETURN(const auto before, LoadBefore(resources, record.cluster.name, machine_id));
  ASSIGN_OR_RETURN(const auto package, warehouse::LoadPackage(resources, record.cluster.version));
  store::LeftoverRecord leftover;
  leftover.machine_id = machine_id;
  leftover.cluster_name = record.cluster.name;
  leftover.cluster_uuid = record.cluster.uuid;
  leftover.operation_id = operation_id;
  leftover.removal =
      RemovalOf(record.cluster, leaving, machine_id, before, record.public_key, package);
  RememberReleases(leaving, package, before, &leftover.removal);
  return leftover;
}

absl::StatusOr<std::vector<store::LeftoverRecord>> LoadLeftoversOn(const Resources& resources,
                                                                   const std::string& machine_id) {
  std::vector<store::LeftoverRecord> leftovers;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(leftovers, store::ListLeftoversOn(tx, machine_id));
    return absl::OkStatus();
  }));
  return leftovers;
}

v1::Leftover ToApi(const store::LeftoverRecord& record) {
  v1::Leftover leftover;
  leftover.set_cluster_name(record.cluster_name);
  leftover.set_cluster_uuid(record.cluster_uuid);
  leftover.set_operation_id(record.operation_id);
  leftover.mutable_create_time()->set_seconds(absl::ToUnixSeconds(record.create_time));
  for (const auto& instance : record.removal.instances()) {
    leftover.add_instance_names(instance.name());
    leftover.add_units(instance.unit());
  }
  *leftover.mutable_paths() = record.removal.dirs();
  return leftover;
}

std::string WordsOf(const store::LeftoverRecord& record) {
  std::vector<std::string> names;
  for (const auto& instance : record.removal.instances()) names.push_back(instance.name());
  return fmt::format("cluster {}: {}", record.cluster_name, fmt::join(names, ", "));
}

std::string MachineOfLeftover(const std::vector<store::LeftoverRecord>& leftovers,
                              const std::string& cluster_uuid, topology::Component component,
                              const std::string& name, const std::string& address) {
  for (const auto& leftover : leftovers) {
    for (const auto& instance : leftover.removal.instances()) {
      if (instance.component() != topology::Name(component)) continue;
      const bool is_named = !name.empty() && name == instance.name();
      if (address == instance.address() || (is_named && leftover.cluster_uuid == cluster_uuid)) {
        return leftover.machine_id;
      }
    }
  }
  return {};
}

}  // namespace dmgr::clusters

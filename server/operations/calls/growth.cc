#include "server/operations/calls/growth.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/error.h"
#include "common/package/archs.h"
#include "common/short_status.h"
#include "server/clusters/checks.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/members/rules.h"
#include "server/operations/calls/preflight.h"
#include "server/store/borrowed_store.h"
#include "server/store/machine_store.h"
#include "server/store/package_store.h"
#include "server/store/patch_store.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

// What Expand takes, but for the topology; also what is stored with the addition.
absl::StatusOr<topology::ExpandInput> LoadAround(const Resources& resources,
                                                 const store::ClusterRecord& record, Grown* grown) {
  topology::ExpandInput input;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    input = topology::ExpandInput{};
    grown->identities.clear();
    ASSIGN_OR_RETURN(grown->package, store::GetPackage(tx, record.cluster.version));
    RETURN_IF_ERROR(clusters::ListMachineRefs(tx, &input.machines, &grown->identities));
    ASSIGN_OR_RETURN(input.occupied, store::ListOccupied(tx));
    return absl::OkStatus();
  }));
  input.cluster_name = record.cluster.name;
  input.version = record.cluster.version;
  input.cluster_path = record.cluster.cluster_path;
  input.skip_create_user = record.cluster.skip_create_user;
  input.user_login = record.cluster.user_login;
  input.as_tiup = record.origin != v1::CLUSTER_ORIGIN_UNSPECIFIED;
  input.package_archs = package::ArchsOf(grown->package);
  input.package_lacks = clusters::LackingIn(grown->package);
  input.existing = &record.cluster;
  input.existing_topology = record.topology;
  return input;
}

absl::Status CannotTake(const store::ClusterRecord& record, const std::vector<Replaced>& replaced,
                        const std::vector<topology::Problem>& problems) {
  std::vector<std::string> texts;
  for (const auto& problem : problems) {
    if (std::ranges::find(texts, problem.text) == texts.end()) texts.push_back(problem.text);
  }
  std::vector<std::string> from;
  std::vector<std::string> to;
  for (const auto& one : replaced) {
    from.push_back(one.from);
    if (std::ranges::find(to, one.to) == to.end()) to.push_back(one.to);
  }
  return Error(absl::StatusCode::kFailedPrecondition, "HOST_CONFLICT", "{}",
               dmgr::Findings(fmt::format("machine{} {} cannot take what cluster {} has on {}",
                                          to.size() == 1 ? "" : "s", fmt::join(to, ", "),
                                          record.cluster.name, fmt::join(from, ", ")),
                              texts))
      .With("machine", to.front())
      .With("cluster", record.cluster.name)
      .Remedy("choose a machine that is free for it");
}

// The program of a patch is for one architecture.
absl::Status PatchStaysBehind(const std::string& cluster, const Instance& origin,
                              const Instance& instance) {
  return Error(absl::StatusCode::kFailedPrecondition, "PATCH_ARCH_DIFFERS",
               "{} on machine {}, which is {}, runs a patch, and machine {} is {}: the patch's "
               "program does not run there",
               origin.name, origin.machine_id, origin.arch, instance.machine_id, instance.arch)
      .With("instance", origin.name)
      .With("machine", instance.machine_id)
      .Remedy("take the patch off it first; patch the new instance with a program for " +
              instance.arch + " then")
      .Next(v1::ACTION_REVERT_CLUSTER_PATCHES, {{"cluster_name", cluster}});
}

}  // namespace

HostRules HostsAroundGrowth() {
  return {.skip_unreachable = true, .needs_majority = true, .behind = Behind::kIsRepaired};
}

absl::StatusOr<Grown> Grow(const Resources& resources, const store::ClusterRecord& record,
                           const v1::Topology& asked, std::vector<topology::Problem>* problems) {
  Grown grown;
  ASSIGN_OR_RETURN(auto input, LoadAround(resources, record, &grown));
  input.topology = asked;
  *input.topology.mutable_global() = record.topology.global();
  *input.topology.mutable_server_configs() = record.topology.server_configs();
  if (record.topology.has_monitored()) {
    *input.topology.mutable_monitored() = record.topology.monitored();
  }
  for (const auto* grafana : record.cluster.Of(Component::kGrafana)) {
    input.grafana_admin_user = grafana->grafana_user;
    // Those of server_configs are with each Grafana, and not with the topology.
    for (auto& server : *input.topology.mutable_grafana_servers()) {
      topology::KeepSecrets(grafana->grafana, &server);
    }
  }
  grown.fresh = topology::Expand(input, problems);
  if (!problems->empty()) return grown;
  grown.fresh.uuid = record.cluster.uuid;
  grown.fresh.user = record.cluster.user;
  grown.fresh.group = record.cluster.group;
  grown.fresh.SetTls(record.cluster.tls);
  grown.record = record;
  for (auto& one : grown.fresh.borrowed) {
    one.membership = topology::Membership::kJoining;
    grown.record.cluster.borrowed.push_back(one);
  }
  for (auto& instance : grown.fresh.instances) {
    instance.membership = topology::Membership::kJoining;
    grown.record.cluster.instances.push_back(instance);
  }
  v1::Topology shown = asked;
  topology::RemoveWriteOnly(&shown);
  topology::AppendServers(shown, &grown.record.topology);
  if (shown.has_monitored()) *grown.record.topology.mutable_monitored() = shown.monitored();
  clusters::SealOptions(resources, &grown.record);
  RETURN_IF_ERROR(clusters::CheckRender(resources, grown.record));
  return grown;
}

absl::Status RequireOn(const topology::Cluster& cluster, const std::string& machine,
                       const std::string& field) {
  if (!cluster.OnMachine(machine).empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "cluster {} has nothing on a machine {}", cluster.name, machine)
      .Field(field, fmt::format("must be one of the machines of cluster {}: {}", cluster.name,
                                fmt::join(cluster.MachineIds(), ", ")));
}

absl::StatusOr<topology::NewPlace> PlaceOn(const Resources& resources, const std::string& machine,
                                           const std::string& address) {
  store::MachineRecord found;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(found, store::GetMachine(tx, machine));
    return absl::OkStatus();
  }));
  topology::NewPlace place;
  place.host = found.machine.host();
  place.ssh_port = static_cast<int>(found.machine.ssh_port());
  if (address.empty() || address == place.host) return place;
  place.manage_host = place.host;
  place.host = address;
  return place;
}

absl::StatusOr<Grown> GrowInPlaceOf(const Resources& resources, const store::ClusterRecord& record,
                                    const std::vector<Replaced>& replaced) {
  v1::Topology asked;
  for (const auto& one : replaced) {
    ASSIGN_OR_RETURN(const auto place, PlaceOn(resources, one.to, one.address));
    const auto moved = topology::MovedServers(record.cluster, record.topology, one.from, place);
    topology::AppendServers(moved, &asked);
    if (moved.has_monitored()) *asked.mutable_monitored() = moved.monitored();
  }
  std::vector<topology::Problem> problems;
  ASSIGN_OR_RETURN(auto grown, Grow(resources, record, asked, &problems));
  if (!problems.empty()) return CannotTake(record, replaced, problems);
  for (auto& instance : grown.fresh.instances) {
    for (const auto& one : replaced) {
      if (one.to != instance.machine_id) continue;
      const Instance* origin = topology::OriginOf(record.cluster, one.from, instance);
      if (origin == nullptr) continue;
      if (!origin->patch.empty() && origin->arch != instance.arch) {
        return PatchStaysBehind(record.cluster.name, *origin, instance);
      }
      instance.patch = origin->patch;
      instance.wanted_enabled = origin->wanted_enabled;
    }
  }
  return grown;
}

absl::Status RequireRunning(const store::ClusterRecord& record) {
  if (record.state != v1::CLUSTER_STATE_OFFLINE) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_OFFLINE",
               "cluster {} is stopped: who joins must find it running", record.cluster.name)
      .With("cluster", record.cluster.name)
      .Remedy("start it")
      .Next(v1::ACTION_START_CLUSTER, {{"cluster_name", record.cluster.name}});
}

absl::Status LookAtHosts(const Resources& resources, const Grown& grown,
                         const topology::Cluster& reached) {
  const topology::Cluster& whole = grown.record.cluster;
  RETURN_IF_ERROR(PreflightDeploy(resources, grown.fresh, grown.package, whole));
  std::vector<const Instance*> there;
  for (const auto& instance : reached.instances) there.push_back(&instance);
  return PreflightStart(resources, whole, there, clusters::Reach::kDm);
}

absl::Status NotReady(const std::string& cluster, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "DM_NOT_HEALTHY",
               "nothing can be added to cluster {} now: {}", cluster, why)
      .With("cluster", cluster)
      .Remedy(members::UnlessElecting("see what is wrong with it"))
      .Next(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", cluster}});
}

absl::Status StoreGrown(store::Transaction& tx, const Grown& grown) {
  const store::ClusterRecord& record = grown.record;
  const std::string& name = record.cluster.name;
  std::vector<std::string> names;
  for (const auto& instance : grown.fresh.instances) names.push_back(instance.name);
  RETURN_IF_ERROR(store::InsertInstances(tx, name, grown.fresh.instances, grown.identities));
  RETURN_IF_ERROR(store::InsertBorrowed(tx, name, grown.fresh.borrowed, grown.identities));
  RETURN_IF_ERROR(store::AdoptRolePatches(tx, name, names));
  return store::SetTopology(tx, name, record.topology, record.sealed_options);
}

absl::Status StoreInPlaceOf(store::Transaction& tx, const Grown& grown) {
  RETURN_IF_ERROR(StoreGrown(tx, grown));
  for (const auto& instance : grown.fresh.instances) {
    RETURN_IF_ERROR(
        store::SetInstancePatch(tx, grown.record.cluster.name, instance.name, instance.patch));
  }
  return absl::OkStatus();
}

}  // namespace dmgr::operations

#include "server/check/check.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/check/judge.h"
#include "server/clusters/checks.h"
#include "server/clusters/conflicts.h"
#include "server/clusters/record.h"
#include "server/machines/access.h"
#include "server/store/package_store.h"

namespace dmgr::check {
namespace {

using topology::Problem;

constexpr std::size_t kAtOnce = 32;
// The name of a cluster that has none yet.
constexpr char kUnnamed[] = "unnamed";

v1::HostCheck Failed(const std::string& machine, const std::string& name,
                     const std::string& message) {
  v1::HostCheck check;
  check.set_machine_id(machine);
  check.mutable_item()->set_name(name);
  check.mutable_item()->set_level(v1::CheckItem::LEVEL_FAILED);
  check.mutable_item()->set_message(message);
  return check;
}

// Its clock as of the middle of the question and the answer.
absl::Status ReadClock(host::FarEnd* far_end, const host::CallOptions& options, HostSeen* seen) {
  hv1::ToHost request;
  request.mutable_get_facts();
  const absl::Time before = absl::Now();
  ASSIGN_OR_RETURN(auto reply, far_end->Call(std::move(request), options));
  const absl::Time middle = before + (absl::Now() - before) / 2;
  seen->facts = std::move(*reply.mutable_facts());
  seen->clock_offset_ms = seen->facts.clock_ms() - absl::ToUnixMillis(middle);
  return absl::OkStatus();
}

// conflicts, if any: gets what stands in the way of a deploy.
absl::StatusOr<HostSeen> LookAt(const Resources& resources, const topology::Cluster& cluster,
                                const std::string& machine, std::vector<std::string>* conflicts) {
  HostSeen seen;
  seen.machine = machine;
  ASSIGN_OR_RETURN(const auto access, machines::LoadAccess(resources, machine));
  host::CallOptions options;
  options.deadline = absl::Now() + machines::kHostLookTimeout;
  ASSIGN_OR_RETURN(auto far_end, machines::OpenReader(resources, access, options.deadline));
  RETURN_IF_ERROR(ReadClock(far_end.get(), options, &seen));
  hv1::ToHost request;
  auto* batch = request.mutable_batch();
  *batch->add_requests()->mutable_read_settings() = SettingsToRead(cluster, machine);
  *batch->add_requests()->mutable_query_units() = UnitsToQuery();
  if (conflicts != nullptr) {
    *batch->add_requests()->mutable_inspect() = clusters::InspectionOf(cluster, machine);
  }
  ASSIGN_OR_RETURN(auto reply, far_end->Call(std::move(request), options));
  for (auto& part : *reply.mutable_batch()->mutable_replies()) {
    if (part.has_read_settings()) seen.settings = std::move(*part.mutable_read_settings());
    if (part.has_unit_states()) seen.units = std::move(*part.mutable_unit_states());
    if (part.has_inspect() && conflicts != nullptr) {
      *conflicts = clusters::DeployConflicts(cluster, machine, part.inspect());
    }
  }
  return seen;
}

std::vector<v1::HostCheck> LookAtAll(const Resources& resources, const topology::Cluster& cluster,
                                     bool with_conflicts) {
  const auto machines = cluster.MachineIds();
  std::vector<absl::StatusOr<HostSeen>> hosts(machines.size(), absl::UnknownError("not asked"));
  std::vector<std::vector<std::string>> conflicts(machines.size());
  resources.threads->ForEach(machines.size(), kAtOnce, [&](std::size_t i) {
    hosts[i] = LookAt(resources, cluster, machines[i], with_conflicts ? &conflicts[i] : nullptr);
  });
  std::vector<HostSeen> seen;
  std::vector<v1::HostCheck> failed;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    if (hosts[i].ok()) {
      seen.push_back(*std::move(hosts[i]));
    } else {
      failed.push_back(Failed(machines[i], "reachable", std::string(Message(hosts[i].status()))));
    }
    for (const auto& conflict : conflicts[i]) {
      failed.push_back(Failed(machines[i], "free", conflict));
    }
  }
  std::vector<v1::HostCheck> checks = Judge(cluster, seen);
  checks.insert(checks.end(), failed.begin(), failed.end());
  // As the machines come in the cluster.
  std::stable_sort(checks.begin(), checks.end(), [&](const auto& a, const auto& b) {
    return std::ranges::find(machines, a.machine_id()) <
           std::ranges::find(machines, b.machine_id());
  });
  return checks;
}

template <typename Response>
Response ResponseOf(const std::vector<v1::HostCheck>& checks) {
  Response response;
  *response.mutable_checks() = {checks.begin(), checks.end()};
  response.set_ok(std::none_of(checks.begin(), checks.end(), [](const v1::HostCheck& check) {
    return check.item().level() == v1::CheckItem::LEVEL_FAILED;
  }));
  return response;
}

}  // namespace

std::vector<v1::HostCheck> CheckHosts(const Resources& resources,
                                      const topology::Cluster& cluster) {
  return LookAtAll(resources, cluster, /*with_conflicts=*/false);
}

absl::StatusOr<v1::CheckClusterResponse> CheckCluster(const Resources& resources,
                                                      const v1::CheckClusterRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  return ResponseOf<v1::CheckClusterResponse>(CheckHosts(resources, record.cluster));
}

absl::StatusOr<v1::CheckTopologyResponse> CheckTopology(const Resources& resources,
                                                        const v1::CheckTopologyRequest& request) {
  topology::ExpandInput input;
  std::vector<std::pair<std::string, std::string>> identities;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    input = topology::ExpandInput{};
    if (!request.version().empty()) {
      ASSIGN_OR_RETURN(const auto package, store::GetPackage(tx, request.version()));
      input.package_arch = package.arch();
    }
    RETURN_IF_ERROR(clusters::ListMachineRefs(tx, &input.machines, &identities));
    ASSIGN_OR_RETURN(input.occupied, store::ListOccupied(tx));
    return absl::OkStatus();
  }));
  input.topology = request.topology();
  input.cluster_name = kUnnamed;
  input.version = request.version();
  input.cluster_path = resources.cluster_path;
  input.skip_create_user = request.skip_create_user();
  std::vector<Problem> problems;
  const topology::Cluster cluster = topology::Expand(input, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  return ResponseOf<v1::CheckTopologyResponse>(
      LookAtAll(resources, cluster, /*with_conflicts=*/true));
}

}  // namespace dmgr::check

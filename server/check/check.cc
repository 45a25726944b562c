#include "server/check/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "common/package/archs.h"
#include "server/check/judge.h"
#include "server/clusters/checks.h"
#include "server/clusters/conflicts.h"
#include "server/clusters/record.h"
#include "server/clusters/room.h"
#include "server/machines/access.h"
#include "server/machines/each.h"
#include "server/store/package_store.h"

namespace dmgr::check {
namespace {

using topology::Problem;

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

// What a deploy needs of a machine.
struct Deploy {
  clusters::Releases releases;
  // Accounts that an admin allowed there.
  std::vector<std::string> allowed;
  // Gets what stands in the way, one sentence each.
  std::vector<std::string> conflicts;

  hv1::Inspect Question(const topology::Cluster& cluster, const std::string& machine) const {
    hv1::Inspect asked = clusters::InspectionOf(cluster, machine);
    for (const auto* release : releases) asked.add_release_hashes(release->release_hash());
    return asked;
  }
  void Judge(const topology::Cluster& cluster, const std::string& machine,
             const hv1::InspectReply& answer) {
    conflicts = clusters::DeployConflicts(cluster, machine, answer, allowed);
    for (auto& one : clusters::RoomConflicts(cluster, machine, releases, answer)) {
      conflicts.push_back(std::move(one));
    }
  }
};

// deploy: nullptr when there is none to come.
absl::StatusOr<HostSeen> LookAt(const Resources& resources, const topology::Cluster& cluster,
                                const std::string& machine, Deploy* deploy) {
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
  *batch->add_requests()->mutable_reach_ports() = PortsToTry(cluster, machine);
  if (deploy != nullptr) {
    ASSIGN_OR_RETURN(deploy->allowed, clusters::LoadAllowedUsers(resources, machine));
    *batch->add_requests()->mutable_inspect() = deploy->Question(cluster, machine);
  }
  ASSIGN_OR_RETURN(auto reply, far_end->Call(std::move(request), options));
  for (auto& part : *reply.mutable_batch()->mutable_replies()) {
    if (part.has_read_settings()) seen.settings = std::move(*part.mutable_read_settings());
    if (part.has_unit_states()) seen.units = std::move(*part.mutable_unit_states());
    if (part.has_reach_ports()) seen.ports = std::move(*part.mutable_reach_ports());
    if (part.has_inspect() && deploy != nullptr) deploy->Judge(cluster, machine, part.inspect());
  }
  return seen;
}

// What came of one host.
struct HostLook {
  absl::StatusOr<HostSeen> seen = absl::UnknownError("not asked");
  Deploy deploy;
};

// In words, with what helps.
std::string WordsOf(const absl::Status& status) {
  const std::string remedy = Metadata(status, "remedy");
  return fmt::format("{}{}{}", Message(status), remedy.empty() ? "" : "; ", remedy);
}

// package: of the deploy to come, without components when it is not known; nullptr: none comes.
std::vector<v1::HostCheck> LookAtAll(const Resources& resources, const topology::Cluster& cluster,
                                     const v1::Package* package) {
  const auto machines = cluster.MachineIds();
  std::map<std::string, HostLook> looks;
  for (const auto& machine : machines) {
    Deploy& deploy = looks[machine].deploy;
    if (package != nullptr) {
      deploy.releases = clusters::ReleasesFor(cluster, machine, *package, {});
    }
  }
  machines::InParallel(resources.threads, machines, [&](const std::string& machine) {
    HostLook& look = looks.at(machine);
    look.seen = LookAt(resources, cluster, machine, package == nullptr ? nullptr : &look.deploy);
    return look.seen.status();
  });
  std::vector<HostSeen> seen;
  std::vector<v1::HostCheck> failed;
  for (const auto& machine : machines) {
    HostLook& look = looks.at(machine);
    if (look.seen.ok()) {
      seen.push_back(*std::move(look.seen));
    } else {
      failed.push_back(Failed(machine, "reachable", WordsOf(look.seen.status())));
    }
    for (const auto& conflict : look.deploy.conflicts) {
      failed.push_back(Failed(machine, "free", conflict));
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
  return LookAtAll(resources, cluster, nullptr);
}

absl::StatusOr<v1::CheckClusterResponse> CheckCluster(const Resources& resources,
                                                      const v1::CheckClusterRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  return ResponseOf<v1::CheckClusterResponse>(CheckHosts(resources, record.cluster));
}

absl::StatusOr<v1::CheckTopologyResponse> CheckTopology(const Resources& resources,
                                                        const v1::CheckTopologyRequest& request) {
  topology::ExpandInput input;
  v1::Package package;
  std::vector<std::pair<std::string, std::string>> identities;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    input = topology::ExpandInput{};
    if (!request.version().empty()) {
      ASSIGN_OR_RETURN(package, store::GetPackage(tx, request.version()));
    }
    input.package_archs = package::ArchsOf(package);
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
  return ResponseOf<v1::CheckTopologyResponse>(LookAtAll(resources, cluster, &package));
}

}  // namespace dmgr::check

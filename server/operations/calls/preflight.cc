#include "server/operations/calls/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "common/enum_words.h"
#include "common/error.h"
#include "common/short_status.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/conflicts.h"
#include "server/clusters/leftovers.h"
#include "server/clusters/placement.h"
#include "server/machines/access.h"
#include "server/machines/each.h"

namespace dmgr::operations {
namespace {

namespace hv1 = ::dmgr::host::v1;

// What else stands in the way on a machine.
using MoreConflicts = std::function<std::vector<std::string>(
    const std::string& machine, const std::string& arch, const hv1::InspectReply& seen)>;

// Left free on every host beside what is sent.
constexpr std::uint64_t kSpareBytes = 200U << 20;

absl::StatusOr<hv1::InspectReply> InspectHost(const Resources& resources,
                                              const topology::Cluster& cluster,
                                              const std::string& machine, std::string* arch) {
  ASSIGN_OR_RETURN(auto access, machines::LoadAccess(resources, machine));
  const absl::Time deadline = absl::Now() + machines::kHostLookTimeout;
  ASSIGN_OR_RETURN(auto far_end, machines::OpenReader(resources, access, deadline));
  *arch = machines::ArchName(far_end->begin_reply().arch());
  hv1::ToHost request;
  *request.mutable_inspect() = clusters::InspectionOf(cluster, machine);
  host::CallOptions options;
  options.deadline = deadline;
  ASSIGN_OR_RETURN(auto reply, far_end->Call(std::move(request), options));
  return std::move(*reply.mutable_inspect());
}

// instead_of: what is there already; components that are the same move nothing.
std::uint64_t BytesNeeded(const topology::Cluster& cluster, const std::string& machine,
                          const v1::Package& package, const v1::Package& instead_of) {
  std::set<topology::Component> components;
  for (const auto* instance : cluster.OnMachine(machine)) components.insert(instance->component);
  std::uint64_t bytes = kSpareBytes;
  for (auto component : components) {
    const auto* release = clusters::FindComponent(package, topology::Name(component));
    const auto* old = clusters::FindComponent(instead_of, topology::Name(component));
    const bool is_same =
        old != nullptr && release != nullptr && old->release_hash() == release->release_hash();
    if (release != nullptr && !is_same) bytes += release->size_bytes();
  }
  return bytes;
}

// Empty when the disk has room, or is not known.
std::string DiskProblem(const topology::Cluster& cluster, const std::string& machine,
                        std::uint64_t needed, const hv1::InspectReply& seen) {
  std::set<std::string> dirs;
  for (const auto& dir : clusters::DirsToMake(cluster, machine)) dirs.insert(dir.path());
  for (const auto& path : seen.paths()) {
    // What is above them may be on another file system.
    if (dirs.count(path.path()) == 0) continue;
    if (path.free_bytes() == 0 && path.existing_parent().empty()) continue;
    if (path.free_bytes() >= needed) continue;
    return fmt::format("{} has {} MiB free, {} MiB are needed", path.path(),
                       path.free_bytes() >> 20, needed >> 20);
  }
  return {};
}

absl::Status Conflict(const std::string& machine, const std::vector<std::string>& conflicts) {
  if (conflicts.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "HOST_CONFLICT", "{}",
               Findings("machine " + machine, conflicts))
      .With("machine", machine)
      .Remedy("free what is in the way, or choose other ports or directories");
}

// The same before a deploy: what a cluster has left there is in the way, and known.
absl::Status DeployConflict(const Resources& resources, const std::string& machine,
                            const std::vector<std::string>& conflicts) {
  if (conflicts.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto leftovers, clusters::LoadLeftoversOn(resources, machine));
  if (leftovers.empty()) return Conflict(machine, conflicts);
  std::vector<std::string> left;
  for (const auto& leftover : leftovers) left.push_back(clusters::WordsOf(leftover));
  return Error(absl::StatusCode::kFailedPrecondition, "HOST_CONFLICT",
               "machine {} has what was left there when it could not be reached ({}): {}", machine,
               fmt::join(left, "; "), fmt::join(conflicts, "; "))
      .With("machine", machine)
      .Remedy("clean the machine")
      .Next(v1::ACTION_CLEAN_MACHINE, {{"machine_id", machine}});
}

absl::Status PreflightInstances(const Resources& resources, const topology::Cluster& cluster,
                                const std::vector<const topology::Instance*>& instances,
                                const MoreConflicts& more) {
  std::vector<std::string> machines;
  for (const auto* instance : instances) {
    if (std::find(machines.begin(), machines.end(), instance->machine_id) == machines.end()) {
      machines.push_back(instance->machine_id);
    }
  }
  return machines::CombineHosts(
      machines::InParallel(resources.threads, machines, [&](const std::string& machine) {
        std::string arch;
        auto seen = InspectHost(resources, cluster, machine, &arch);
        if (!seen.ok()) return Annotate(seen.status(), "machine " + machine);
        std::vector<const topology::Instance*> here;
        for (const auto* instance : instances) {
          if (instance->machine_id == machine) here.push_back(instance);
        }
        auto conflicts = clusters::StartConflicts(here, *seen);
        if (more) {
          for (auto& conflict : more(machine, arch, *seen))
            conflicts.push_back(std::move(conflict));
        }
        return Conflict(machine, conflicts);
      }));
}

}  // namespace

absl::Status PreflightDeploy(const Resources& resources, const topology::Cluster& cluster,
                             const v1::Package& package) {
  return machines::CombineHosts(machines::InParallel(
      resources.threads, cluster.MachineIds(), [&](const std::string& machine) {
        std::string arch;
        auto seen = InspectHost(resources, cluster, machine, &arch);
        if (!seen.ok()) return Annotate(seen.status(), "machine " + machine);
        auto conflicts = clusters::DeployConflicts(cluster, machine, *seen);
        if (arch != package.arch()) {
          conflicts.push_back(fmt::format("it is {}, package {} is for {}", arch, package.version(),
                                          package.arch()));
        }
        const std::string disk =
            DiskProblem(cluster, machine, BytesNeeded(cluster, machine, package, {}), *seen);
        if (!disk.empty()) conflicts.push_back(disk);
        return DeployConflict(resources, machine, conflicts);
      }));
}

absl::Status PreflightStart(const Resources& resources, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances) {
  return PreflightInstances(resources, cluster, instances, {});
}

absl::Status PreflightUpgrade(const Resources& resources, const topology::Cluster& cluster,
                              const std::vector<const topology::Instance*>& instances,
                              const v1::Package& from, const v1::Package& to) {
  return PreflightInstances(
      resources, cluster, instances,
      [&](const std::string& machine, const std::string&, const hv1::InspectReply& seen) {
        const std::string disk =
            DiskProblem(cluster, machine, BytesNeeded(cluster, machine, to, from), seen);
        return disk.empty() ? std::vector<std::string>{} : std::vector<std::string>{disk};
      });
}

absl::Status PreflightPatch(const Resources& resources, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances,
                            const v1::Patch& patch) {
  return PreflightInstances(
      resources, cluster, instances,
      [&](const std::string& machine, const std::string& arch, const hv1::InspectReply& seen) {
        std::vector<std::string> conflicts;
        if (arch != patch.arch()) {
          conflicts.push_back(fmt::format("it is {}, the {} of {} is for {}", arch,
                                          ToWord(patch.release().component()), patch.file_name(),
                                          patch.arch()));
        }
        const std::string disk = DiskProblem(cluster, machine, patch.release().size_bytes(), seen);
        if (!disk.empty()) conflicts.push_back(disk);
        return conflicts;
      });
}

}  // namespace dmgr::operations

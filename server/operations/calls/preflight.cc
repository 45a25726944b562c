#include "server/operations/calls/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <utility>

#include "common/error.h"
#include "server/clusters/placement.h"
#include "server/machines/access.h"

namespace dmgr::operations {
namespace {

constexpr std::size_t kMaxThreads = 32;
// Left free on every host beside what is sent.
constexpr std::uint64_t kSpareBytes = 200U << 20;

absl::StatusOr<hv1::InspectReply> InspectHost(const Services& services,
                                              const topology::Cluster& cluster,
                                              const std::string& machine, std::string* arch) {
  ASSIGN_OR_RETURN(auto access, LoadAccess(services, machine));
  const absl::Time deadline = absl::Now() + kHostLookTimeout;
  ASSIGN_OR_RETURN(auto far_end, OpenReader(services, access, deadline));
  *arch = ArchName(far_end->begin_reply().arch());
  hv1::ToHost request;
  *request.mutable_inspect() = InspectionOf(cluster, machine);
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
    const auto* release = FindComponent(package, topology::Name(component));
    const auto* old = FindComponent(instead_of, topology::Name(component));
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
  for (const auto& dir : DirsToMake(cluster, machine)) dirs.insert(dir.path());
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
  return Error(absl::StatusCode::kFailedPrecondition, "HOST_CONFLICT", "machine {}: {}", machine,
               fmt::join(conflicts, "; "))
      .With("machine", machine)
      .Remedy("free what is in the way, or choose other ports or directories");
}

}  // namespace

absl::Status CombineHosts(const std::vector<absl::Status>& statuses) {
  std::vector<absl::Status> failed;
  for (const auto& status : statuses) {
    if (!status.ok()) failed.push_back(status);
  }
  if (failed.empty()) return absl::OkStatus();
  if (failed.size() == 1) return failed.front();
  std::vector<std::string> texts;
  for (const auto& status : failed) texts.emplace_back(Message(status));
  Error error(absl::StatusCode::kFailedPrecondition, "HOSTS_NOT_READY",
              "{} hosts are not ready: {}", failed.size(), fmt::join(texts, "; "));
  for (const auto& status : failed) {
    error.Precondition(Reason(status), Metadata(status, "machine"), Message(status));
  }
  return error.Remedy("mend them, then try again");
}

namespace {

// What else stands in the way on a machine.
using MoreConflicts = std::function<std::vector<std::string>(
    const std::string& machine, const std::string& arch, const hv1::InspectReply& seen)>;

absl::Status PreflightInstances(const Services& services, const topology::Cluster& cluster,
                                const std::vector<const topology::Instance*>& instances,
                                const MoreConflicts& more) {
  std::vector<std::string> machines;
  for (const auto* instance : instances) {
    if (std::find(machines.begin(), machines.end(), instance->machine_id) == machines.end()) {
      machines.push_back(instance->machine_id);
    }
  }
  return CombineHosts(ForEachMachine(machines, [&](const std::string& machine) {
    std::string arch;
    auto seen = InspectHost(services, cluster, machine, &arch);
    if (!seen.ok()) return Annotate(seen.status(), "machine " + machine);
    std::vector<const topology::Instance*> here;
    for (const auto* instance : instances) {
      if (instance->machine_id == machine) here.push_back(instance);
    }
    auto conflicts = StartConflicts(here, *seen);
    if (more) {
      for (auto& conflict : more(machine, arch, *seen)) conflicts.push_back(std::move(conflict));
    }
    return Conflict(machine, conflicts);
  }));
}

}  // namespace

std::vector<absl::Status> ForEachMachine(
    const std::vector<std::string>& machines,
    const std::function<absl::Status(const std::string& machine)>& work) {
  std::vector<absl::Status> statuses(machines.size());
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::min(machines.size(), kMaxThreads); ++i) {
    threads.emplace_back([&] {
      for (std::size_t k = next++; k < machines.size(); k = next++) statuses[k] = work(machines[k]);
    });
  }
  for (auto& thread : threads) thread.join();
  return statuses;
}

absl::Status PreflightDeploy(const Services& services, const topology::Cluster& cluster,
                             const v1::Package& package) {
  return CombineHosts(ForEachMachine(cluster.MachineIds(), [&](const std::string& machine) {
    std::string arch;
    auto seen = InspectHost(services, cluster, machine, &arch);
    if (!seen.ok()) return Annotate(seen.status(), "machine " + machine);
    auto conflicts = DeployConflicts(cluster, machine, *seen);
    if (arch != package.arch()) {
      conflicts.push_back(
          fmt::format("it is {}, package {} is for {}", arch, package.version(), package.arch()));
    }
    const std::string disk =
        DiskProblem(cluster, machine, BytesNeeded(cluster, machine, package, {}), *seen);
    if (!disk.empty()) conflicts.push_back(disk);
    return Conflict(machine, conflicts);
  }));
}

absl::Status PreflightStart(const Services& services, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances) {
  return PreflightInstances(services, cluster, instances, {});
}

absl::Status PreflightUpgrade(const Services& services, const topology::Cluster& cluster,
                              const std::vector<const topology::Instance*>& instances,
                              const v1::Package& from, const v1::Package& to) {
  return PreflightInstances(
      services, cluster, instances,
      [&](const std::string& machine, const std::string&, const hv1::InspectReply& seen) {
        const std::string disk =
            DiskProblem(cluster, machine, BytesNeeded(cluster, machine, to, from), seen);
        return disk.empty() ? std::vector<std::string>{} : std::vector<std::string>{disk};
      });
}

absl::Status PreflightPatch(const Services& services, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances,
                            const v1::Patch& patch) {
  return PreflightInstances(
      services, cluster, instances,
      [&](const std::string& machine, const std::string& arch, const hv1::InspectReply& seen) {
        std::vector<std::string> conflicts;
        if (arch != patch.arch()) {
          conflicts.push_back(fmt::format("it is {}, the {} of {} is for {}", arch,
                                          patch.release().component(), patch.file_name(),
                                          patch.arch()));
        }
        const std::string disk = DiskProblem(cluster, machine, patch.release().size_bytes(), seen);
        if (!disk.empty()) conflicts.push_back(disk);
        return conflicts;
      });
}

}  // namespace dmgr::operations

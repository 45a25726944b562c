#include "server/operations/calls/preflight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/enum_words.h"
#include "common/error.h"
#include "common/package/archs.h"
#include "common/steady_time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/checks.h"
#include "server/clusters/conflicts.h"
#include "server/clusters/leftovers.h"
#include "server/clusters/placement.h"
#include "server/clusters/room.h"
#include "server/dm/client.h"
#include "server/machines/access.h"
#include "server/machines/each.h"
#include "server/members/probe.h"
#include "server/operations/calls/findings.h"

namespace dmgr::operations {
namespace {

namespace hv1 = ::dmgr::host::v1;

// For a host about which others say that it does not answer.
constexpr absl::Duration kAliveTimeout = absl::Seconds(5);

// What is asked of the hosts, and what the answers mean.
struct Questions {
  std::vector<std::string> machines;
  // What the far end is asked about.
  std::function<hv1::Inspect(const std::string& machine)> inspect;
  // Empty: nothing.
  std::function<hv1::ReachPorts(const std::string& machine)> reach = {};
  // What stands in the way there, one sentence each.
  std::function<std::vector<std::string>(const std::string& machine, const std::string& arch,
                                         const hv1::InspectReply& seen)>
      conflicts;
  // Where dmgrd itself will ask what runs there, over HTTP; empty: that is not of interest.
  std::function<std::vector<std::string>(const std::string& machine)> asked = {};
  // All whose addresses are in what is to be reached.
  const topology::Cluster* cluster = nullptr;
  // What clusters that were given up have left there is known, and may be what is in the way.
  bool leftovers = false;
};

// What came of one host.
struct HostLook {
  absl::Status status;
  std::vector<std::string> conflicts;
  std::vector<clusters::Unreached> unreached;
};

void Append(std::vector<std::string> more, std::vector<std::string>* list) {
  for (auto& one : more) list->push_back(std::move(one));
}

// SSH goes through a jump host, and the questions to DM and monitoring do not: without an answer to
// them no operation would come to an end. A sentence for what is not reached.
std::vector<std::string> NotReachedDirectly(const std::vector<std::string>& addresses) {
  const absl::Time deadline = SteadyNow() + kAliveTimeout;
  for (const auto& address : addresses) {
    const absl::Status reached = dm::ReachHost(address, deadline);
    // One port tells it of the host.
    if (!reached.ok()) {
      return {
          fmt::format("it is reached through a jump host, but dmgrd asks {} over HTTP without one, "
                      "and does not "
                      "get there ({}): let dmgrd through, by manage_host if it is another address",
                      address, Message(reached))};
    }
  }
  return {};
}

// In one message, whatever is asked.
absl::Status LookAt(const Resources& resources, const Questions& questions,
                    const std::string& machine, HostLook* look) {
  ASSIGN_OR_RETURN(auto access, machines::LoadAccess(resources, machine));
  const absl::Time deadline = SteadyNow() + machines::kHostLookTimeout;
  ASSIGN_OR_RETURN(auto far_end, machines::OpenReader(resources, access, deadline));
  const std::string arch = machines::ArchName(far_end->begin_reply().arch());
  hv1::ReachPorts reach;
  if (questions.reach) reach = questions.reach(machine);
  hv1::ToHost request;
  auto* batch = request.mutable_batch();
  *batch->add_requests()->mutable_inspect() = questions.inspect(machine);
  if (reach.targets_size() > 0) *batch->add_requests()->mutable_reach_ports() = reach;
  host::CallOptions options;
  options.deadline = deadline;
  ASSIGN_OR_RETURN(const auto reply, far_end->Call(std::move(request), options));
  for (const auto& part : reply.batch().replies()) {
    if (part.has_inspect()) look->conflicts = questions.conflicts(machine, arch, part.inspect());
    if (part.has_reach_ports()) {
      look->unreached = clusters::UnreachedOf(*questions.cluster, reach, part.reach_ports());
    }
  }
  if (questions.asked && !access.login.endpoint.jumps.empty()) {
    Append(NotReachedDirectly(questions.asked(machine)), &look->conflicts);
  }
  return absl::OkStatus();
}

// Those of the machines, not looked at themselves, that do not answer dmgrd either: that nobody
// reaches them says nothing about the way there.
std::set<std::string> DeadAmong(const Resources& resources,
                                const std::map<std::string, HostLook>& looks) {
  std::set<std::string> dead;
  std::vector<std::string> unknown;
  for (const auto& [machine, look] : looks) {
    if (!look.status.ok()) dead.insert(machine);
    for (const auto& one : look.unreached) {
      const bool seen = looks.contains(one.machine) || one.machine.empty();
      if (!seen && std::ranges::find(unknown, one.machine) == unknown.end()) {
        unknown.push_back(one.machine);
      }
    }
  }
  const auto statuses =
      machines::InParallel(resources.threads, unknown, [&](const std::string& machine) {
        const auto access = machines::LoadAccess(resources, machine);
        if (!access.ok()) return access.status();
        return machines::OpenReader(resources, *access, SteadyNow() + kAliveTimeout).status();
      });
  for (std::size_t i = 0; i < unknown.size(); ++i) {
    if (!statuses[i].ok()) dead.insert(unknown[i]);
  }
  return dead;
}

absl::Status AddLeftovers(const Resources& resources, const std::string& machine,
                          Findings* findings) {
  ASSIGN_OR_RETURN(const auto leftovers, clusters::LoadLeftoversOn(resources, machine));
  for (const auto& one : leftovers) findings->AddLeftover(machine, clusters::WordsOf(one));
  return absl::OkStatus();
}

absl::Status Ask(const Resources& resources, const Questions& questions) {
  std::map<std::string, HostLook> looks;
  for (const auto& machine : questions.machines) looks.try_emplace(machine);
  machines::InParallel(resources.threads, questions.machines, [&](const std::string& machine) {
    HostLook& look = looks.at(machine);
    look.status = LookAt(resources, questions, machine, &look);
    return look.status;
  });
  const std::set<std::string> dead = DeadAmong(resources, looks);
  Findings findings;
  for (const auto& machine : questions.machines) {
    const HostLook& look = looks.at(machine);
    if (!look.status.ok()) findings.AddFailure(machine, look.status);
    for (const auto& conflict : look.conflicts) findings.AddConflict(machine, conflict);
    if (questions.leftovers && !look.conflicts.empty()) {
      RETURN_IF_ERROR(AddLeftovers(resources, machine, &findings));
    }
    for (const auto& one : look.unreached) {
      if (!dead.contains(one.machine)) findings.AddUnreached(machine, one.text);
    }
  }
  return findings.ToStatus();
}

std::vector<const topology::Instance*> On(const std::string& machine,
                                          const std::vector<const topology::Instance*>& instances) {
  std::vector<const topology::Instance*> here;
  for (const auto* instance : instances) {
    if (instance->machine_id == machine) here.push_back(instance);
  }
  return here;
}

// Of what runs already, or ran.
Questions AboutInstances(const topology::Cluster& cluster,
                         const std::vector<const topology::Instance*>& instances) {
  Questions questions;
  questions.cluster = &cluster;
  for (const auto* instance : instances) {
    if (std::ranges::find(questions.machines, instance->machine_id) == questions.machines.end()) {
      questions.machines.push_back(instance->machine_id);
    }
  }
  questions.inspect = [&](const std::string& machine) {
    return clusters::InspectionOf(cluster, machine);
  };
  questions.conflicts = [&](const std::string& machine, const std::string&,
                            const hv1::InspectReply& seen) {
    return clusters::StartConflicts(On(machine, instances), seen);
  };
  return questions;
}

// arch: what the machine is now.
void AppendArch(const topology::Cluster& cluster, const std::string& machine,
                const std::string& arch, const v1::Package& package,
                std::vector<std::string>* conflicts) {
  const auto archs = package::ArchsOf(package);
  const std::string recorded = clusters::ArchOn(cluster, machine);
  if (std::ranges::find(archs, arch) == archs.end()) {
    conflicts->push_back(fmt::format("it is {}, package {} is for {}", arch, package.version(),
                                     fmt::join(archs, " and ")));
  } else if (arch != (recorded.empty() ? package.arch() : recorded)) {
    conflicts->push_back(
        fmt::format("it is {}, and was {} when dmgr looked at it last: update the "
                    "machine, so that it is looked at again",
                    arch, recorded.empty() ? "of no known kind" : recorded));
  }
}

// Adds what there must be room for.
void AddRoom(const topology::Cluster& cluster,
             const std::function<clusters::Releases(const std::string& machine)>& releases,
             Questions* questions) {
  questions->inspect = [inspect = questions->inspect, releases](const std::string& machine) {
    hv1::Inspect asked = inspect(machine);
    for (const auto* release : releases(machine)) asked.add_release_hashes(release->release_hash());
    return asked;
  };
  questions->conflicts = [&cluster, conflicts = questions->conflicts, releases](
                             const std::string& machine, const std::string& arch,
                             const hv1::InspectReply& seen) {
    auto all = conflicts(machine, arch, seen);
    Append(clusters::RoomConflicts(cluster, machine, releases(machine), seen), &all);
    return all;
  };
}

}  // namespace

absl::Status PreflightDeploy(const Resources& resources, const topology::Cluster& fresh,
                             const v1::Package& package, const topology::Cluster& whole) {
  std::map<std::string, std::vector<std::string>> allowed;
  for (const auto& machine : fresh.MachineIds()) {
    ASSIGN_OR_RETURN(allowed[machine], clusters::LoadAllowedUsers(resources, machine));
  }
  Questions questions;
  questions.cluster = &whole;
  questions.leftovers = true;
  questions.machines = fresh.MachineIds();
  questions.inspect = [&](const std::string& machine) {
    return clusters::InspectionOf(fresh, machine);
  };
  questions.reach = [&](const std::string& machine) {
    return clusters::PortsToReach(whole, fresh.OnMachine(machine), clusters::Reach::kAll);
  };
  questions.asked = [&](const std::string& machine) {
    std::vector<std::string> addresses;
    for (const auto* instance : fresh.OnMachine(machine)) {
      addresses.push_back(members::AddressOf(*instance));
    }
    return addresses;
  };
  questions.conflicts = [&](const std::string& machine, const std::string& arch,
                            const hv1::InspectReply& seen) {
    auto conflicts = clusters::DeployConflicts(fresh, machine, seen, allowed.at(machine));
    AppendArch(fresh, machine, arch, package, &conflicts);
    return conflicts;
  };
  AddRoom(
      fresh,
      [&](const std::string& machine) {
        return clusters::ReleasesFor(fresh, machine, package, {});
      },
      &questions);
  return Ask(resources, questions);
}

absl::Status PreflightStart(const Resources& resources, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances,
                            std::optional<clusters::Reach> reach) {
  Questions questions = AboutInstances(cluster, instances);
  if (reach.has_value()) {
    questions.reach = [&](const std::string& machine) {
      return clusters::PortsToReach(cluster, On(machine, instances), *reach);
    };
  }
  return Ask(resources, questions);
}

absl::Status PreflightUpgrade(const Resources& resources, const topology::Cluster& cluster,
                              const std::vector<const topology::Instance*>& instances,
                              const v1::Package& from, const v1::Package& to) {
  Questions questions = AboutInstances(cluster, instances);
  questions.conflicts = [&, conflicts = questions.conflicts](const std::string& machine,
                                                             const std::string& arch,
                                                             const hv1::InspectReply& seen) {
    auto all = conflicts(machine, arch, seen);
    AppendArch(cluster, machine, arch, to, &all);
    return all;
  };
  AddRoom(
      cluster,
      [&](const std::string& machine) { return clusters::ReleasesFor(cluster, machine, to, from); },
      &questions);
  return Ask(resources, questions);
}

absl::Status PreflightPatch(const Resources& resources, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances,
                            const v1::Patch& patch) {
  Questions questions = AboutInstances(cluster, instances);
  questions.conflicts = [&patch, conflicts = questions.conflicts](const std::string& machine,
                                                                  const std::string& arch,
                                                                  const hv1::InspectReply& seen) {
    auto all = conflicts(machine, arch, seen);
    if (arch != patch.arch()) {
      all.push_back(fmt::format("it is {}, the {} of {} is for {}", arch,
                                ToWord(patch.release().component()), patch.file_name(),
                                patch.arch()));
    }
    return all;
  };
  AddRoom(
      cluster, [&](const std::string&) { return clusters::Releases{&patch.release()}; },
      &questions);
  return Ask(resources, questions);
}

absl::Status PreflightPaths(
    const Resources& resources, const topology::Cluster& cluster,
    const std::vector<const topology::Instance*>& instances,
    const std::function<clusters::PathNeeds(const std::vector<const topology::Instance*>& here)>&
        needs) {
  Questions questions = AboutInstances(cluster, instances);
  questions.inspect = [&](const std::string& machine) {
    return clusters::InspectionOf(needs(On(machine, instances)));
  };
  questions.conflicts = [&](const std::string& machine, const std::string&,
                            const hv1::InspectReply& seen) {
    return clusters::PathConflicts(needs(On(machine, instances)), seen);
  };
  return Ask(resources, questions);
}

}  // namespace dmgr::operations

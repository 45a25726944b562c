#include "server/operations/calls/reach.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "server/operations/calls/unreachable.h"
#include "server/operations/plan/left_out.h"
#include "server/operations/plan/repair.h"

namespace dmgr::operations {
namespace {

using topology::Instance;
using Machines = std::vector<std::string>;

bool Has(const Machines& machines, const std::string& machine) {
  return std::find(machines.begin(), machines.end(), machine) != machines.end();
}

// "h2: the reason; h3: the reason".
std::string WhyNot(const std::vector<v1::SkippedMachine>& machines) {
  Machines words;
  for (const auto& machine : machines) {
    words.push_back(fmt::format("{}: {}", machine.machine_id(), machine.reason()));
  }
  return fmt::format("{}", fmt::join(words, "; "));
}

absl::Status RefuseUnreachable(const Subject& subject, const HostRules& rules,
                               const std::vector<v1::SkippedMachine>& machines, bool all) {
  const std::string& name = subject.record.cluster.name;
  Error error(absl::StatusCode::kFailedPrecondition, "HOSTS_UNREACHABLE",
              "{} of cluster {} {} not answer: {}",
              all ? "all hosts"
                  : fmt::format("{} host{}", machines.size(), machines.size() == 1 ? "" : "s"),
              name, machines.size() == 1 && !all ? "does" : "do", WhyNot(machines));
  error.With("cluster", name).With("machine", machines.front().machine_id());
  if (all) return error.Remedy("mend them").Next(v1::ACTION_LIST_MACHINES);
  // Who joins must find the cluster running.
  const bool can_move = subject.record.state != v1::CLUSTER_STATE_OFFLINE;
  const std::string them = machines.size() == 1 ? "it" : "them";
  std::string remedy = "mend " + them;
  if (rules.skipping.action() != v1::ACTION_UNSPECIFIED) {
    remedy += fmt::format(
        "; or leave {0} out: that is remembered, and a repair brings {0} to the record", them);
    error.Next(rules.skipping);
  }
  if (can_move) remedy += fmt::format("; or another machine takes over what was on {}", them);
  error.Remedy(remedy);
  if (!can_move) return error;
  for (const auto& machine : machines) {
    error.Next(
        v1::ACTION_MOVE_MACHINE,
        {{"cluster_name", name}, {"from_machine_id", machine.machine_id()}, {"force", "true"}});
  }
  return error;
}

absl::Status CheckMajority(const Subject& subject) {
  const std::string& name = subject.record.cluster.name;
  const topology::Cluster members = topology::MembersOf(subject.record.cluster);
  const auto all = members.Of(topology::Component::kDmMaster).size();
  const auto reached =
      topology::MembersOf(Reached(subject)).Of(topology::Component::kDmMaster).size();
  if (reached >= all / 2 + 1) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DM_QUORUM",
               "DM needs a majority of its {} dm-masters, and only {} of cluster {} {} on hosts "
               "that answer: {}",
               all, reached, name, reached == 1 ? "is" : "are", WhyNot(subject.left_out.machines))
      .With("cluster", name)
      .Remedy(
          "bring one of these hosts back; if they are lost for good, rebuild the cluster from a "
          "copy with other machines in their place")
      .Next(v1::ACTION_REBUILD_CLUSTER, {{"cluster_name", name}});
}

}  // namespace

v1::SkippedMachine Skipped(const std::string& machine, const absl::Status& why) {
  v1::SkippedMachine skipped;
  skipped.set_machine_id(machine);
  skipped.set_reason(std::string(Message(why)));
  return skipped;
}

Machines MachinesOf(const std::vector<const Instance*>& instances) {
  Machines machines;
  for (const auto* instance : instances) {
    if (!Has(machines, instance->machine_id)) machines.push_back(instance->machine_id);
  }
  return machines;
}

absl::Status LeaveOutUnreachable(const Resources& resources, const HostRules& rules,
                                 Subject* subject) {
  const Machines needed =
      MachinesOf(rules.concerned == nullptr ? subject->instances : *rules.concerned);
  Machines asked = needed;
  if (rules.behind != Behind::kStays) {
    for (const auto& behind : subject->record.behind) {
      if (!Has(asked, behind.machine_id())) asked.push_back(behind.machine_id());
    }
  }
  const UnreachableMachines lost = FindUnreachable(resources, asked);
  for (const auto& [machine, why] : lost) {
    if (Has(needed, machine)) subject->left_out.machines.push_back(Skipped(machine, why));
  }
  for (const auto& behind : subject->record.behind) {
    if (rules.behind == Behind::kStays || lost.contains(behind.machine_id())) continue;
    subject->come_back.push_back(behind.machine_id());
  }
  const auto& left_out = subject->left_out.machines;
  if (left_out.empty()) return absl::OkStatus();
  const bool all = left_out.size() == needed.size() && !rules.may_be_none;
  if (!rules.skip_unreachable || all) return RefuseUnreachable(*subject, rules, left_out, all);
  const auto rest = std::stable_partition(
      subject->instances.begin(), subject->instances.end(),
      [&](const Instance* instance) { return !lost.contains(instance->machine_id); });
  subject->left_out.instances.assign(rest, subject->instances.end());
  subject->instances.erase(rest, subject->instances.end());
  return rules.needs_majority ? CheckMajority(*subject) : absl::OkStatus();
}

topology::Cluster Reached(const Subject& subject) {
  std::vector<std::string> names;
  for (const auto& machine : subject.left_out.machines) {
    for (const auto* instance : subject.record.cluster.OnMachine(machine.machine_id())) {
      names.push_back(instance->name);
    }
  }
  return topology::Without(subject.record.cluster, names);
}

bool LacksMaster(const Subject& subject) {
  using topology::Component;
  return Reached(subject).Of(Component::kDmMaster).size() !=
         subject.record.cluster.Of(Component::kDmMaster).size();
}

void AddHostSteps(const HostRules& rules, const Subject& subject, const LeftOut& left_out,
                  engine::Plan* plan) {
  if (!subject.come_back.empty()) {
    auto steps = RepairSteps(topology::MembersOf(subject.record.cluster),
                             {.machines = subject.come_back,
                              .leaves_processes = rules.behind == Behind::kGetsFiles,
                              .spares_no_majority = LacksMaster(subject),
                              .accepts_load_restart = rules.accepts_load_restart});
    const std::string last = steps.back().id;
    PutInFront(plan, std::move(steps), {last});
  }
  AddLeftOut(plan, left_out);
}

}  // namespace dmgr::operations

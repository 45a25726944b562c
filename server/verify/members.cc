#include "server/verify/members.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/error.h"
#include "server/members/probe.h"
#include "server/verify/expected.h"

namespace dmgr::verify {
namespace {

using topology::Component;
using topology::Instance;

bool IsRecorded(const topology::Cluster& cluster, Component component, const std::string& name) {
  const auto all = cluster.Of(component);
  return std::any_of(all.begin(), all.end(),
                     [&](const Instance* one) { return one->name == name; });
}

void AddStranger(Component component, const std::string& name, const std::string& address,
                 Findings* findings) {
  const std::string who = name.empty()
                              ? fmt::format("a {} without a name", topology::Name(component))
                              : fmt::format("{} {}", topology::Name(component), name);
  findings->Add(v1::DIFFERENCE_KIND_MEMBER_STRANGER, {.instance = name, .path = address},
                "no such member", who,
                fmt::format("DM has {}{}, and the record has not", who,
                            address.empty() ? "" : " at " + address));
}

// Where DM believes it is, when that is another address than the record's.
std::string OtherAddress(const Instance& instance, const dm::Members& members) {
  if (instance.component == Component::kDmWorker) {
    const auto* worker = members.FindWorker(instance.name);
    return worker->addr == instance.NodeId() ? "" : worker->addr;
  }
  const auto* master = members.FindMaster(instance.name);
  const std::string peer = (instance.AnswersOverTls() ? "https://" : "http://") +
                           JoinHostPort(instance.host, instance.peer_port);
  const auto& urls = master->peer_urls;
  if (urls.empty() || std::find(urls.begin(), urls.end(), peer) != urls.end()) return {};
  return fmt::format("{}", fmt::join(urls, ","));
}

void CompareMember(const Instance& instance, const dm::Members& members, Findings* findings) {
  const Subject subject{
      .machine = instance.machine_id, .instance = instance.name, .path = instance.NodeId()};
  const std::string who = fmt::format("{} {}", topology::Name(instance.component), instance.name);
  const bool is_listed = instance.component == Component::kDmMaster
                             ? members.FindMaster(instance.name) != nullptr
                             : members.FindWorker(instance.name) != nullptr;
  if (!is_listed) {
    findings->Add(v1::DIFFERENCE_KIND_MEMBER_MISSING, subject, "a member", "not listed",
                  fmt::format("DM does not have {} as a member", who));
    return;
  }
  if (const std::string other = OtherAddress(instance, members); !other.empty()) {
    findings->Add(v1::DIFFERENCE_KIND_MEMBER_ADDRESS, subject, instance.NodeId(), other,
                  fmt::format("DM has {} at {}, not at {}", who, other, instance.NodeId()));
  } else if (const std::string problem = members::MemberProblem(instance, members);
             IsToRun(instance) && !problem.empty()) {
    findings->Add(v1::DIFFERENCE_KIND_MEMBER_DOWN, subject, "alive", problem, problem);
  }
}

}  // namespace

void CompareMembers(const topology::Cluster& cluster, const absl::StatusOr<dm::Members>& members,
                    Findings* findings) {
  const auto masters = cluster.Of(Component::kDmMaster);
  if (std::none_of(masters.begin(), masters.end(), [](const auto* one) { return IsToRun(*one); })) {
    return;
  }
  if (!members.ok()) {
    const std::string why(Message(members.status()));
    findings->Add(v1::DIFFERENCE_KIND_MEMBERS_UNKNOWN, {}, "the member list", why, why);
    return;
  }
  for (const auto& instance : cluster.instances) {
    const bool counts = instance.IsDm() && instance.membership != topology::Membership::kJoining;
    if (counts) CompareMember(instance, *members, findings);
  }
  for (const auto& master : members->masters) {
    if (IsRecorded(cluster, Component::kDmMaster, master.name)) continue;
    const auto& urls = master.client_urls.empty() ? master.peer_urls : master.client_urls;
    AddStranger(Component::kDmMaster, master.name, fmt::format("{}", fmt::join(urls, ",")),
                findings);
  }
  for (const auto& worker : members->workers) {
    if (IsRecorded(cluster, Component::kDmWorker, worker.name)) continue;
    AddStranger(Component::kDmWorker, worker.name, worker.addr, findings);
  }
}

}  // namespace dmgr::verify

#include "server/status/member_count.h"

#include "common/components/component.h"
#include "common/steady_time.h"
#include "server/members/probe.h"

namespace dmgr::status {
namespace {

constexpr absl::Duration kMembersAnswerTime = absl::Seconds(3);

}  // namespace

std::map<std::string, MemberCount> CountMembers(members::MemberSource* members,
                                                const topology::Cluster& cluster,
                                                const dm::Cancelled& cancelled) {
  const auto seen = members->GetMembers(cluster, SteadyNow() + kMembersAnswerTime, cancelled);
  std::map<std::string, MemberCount> counts;
  for (const auto& instance : cluster.instances) {
    if (!instance.IsDm()) continue;
    MemberCount& count = counts[std::string(components::Name(instance.component))];
    ++count.all;
    if (seen.ok() && members::MemberProblem(instance, *seen).empty()) ++count.working;
  }
  return counts;
}

MemberCount CountAllMembers(members::MemberSource* members, const topology::Cluster& cluster,
                            const dm::Cancelled& cancelled) {
  MemberCount sum;
  for (const auto& [component, count] : CountMembers(members, cluster, cancelled)) {
    sum.all += count.all;
    sum.working += count.working;
  }
  return sum;
}

}  // namespace dmgr::status

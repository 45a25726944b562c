#include "server/status/ghosts.h"

#include <fmt/format.h>

#include <set>
#include <string>

#include "common/enum_words.h"
#include "common/error.h"
#include "server/clusters/leftovers.h"
#include "server/members/ghosts.h"

namespace dmgr::status {

void AddGhosts(const store::ClusterRecord& record, const absl::StatusOr<dm::Members>& members,
               const std::vector<store::LeftoverRecord>& leftovers,
               v1::GetClusterStatusResponse* response) {
  std::set<std::string> machines;
  bool is_to_prune = false;
  const auto ghosts =
      members.ok() ? members::GhostsOf(record.cluster, *members) : std::vector<members::Ghost>();
  for (const auto& ghost : ghosts) {
    auto* out = response->add_ghost_members();
    out->set_component(FromWord<v1::Component>(topology::Name(ghost.component)));
    out->set_name(ghost.name);
    out->set_address(ghost.address);
    out->set_stage_text(ghost.stage);
    const std::string machine = clusters::MachineOfLeftover(
        leftovers, record.cluster.uuid, ghost.component, ghost.name, ghost.address);
    out->set_machine_id(machine);
    response->add_warnings(
        machine.empty()
            ? fmt::format("DM lists {}, the record does not", ghost.Words())
            : fmt::format("DM lists {}, which was left on machine {} when it could not be reached",
                          ghost.Words(), machine));
    if (machine.empty()) {
      is_to_prune = true;
    } else {
      machines.insert(machine);
    }
  }
  for (const auto& leftover : leftovers) {
    if (leftover.cluster_uuid != record.cluster.uuid) continue;
    machines.insert(leftover.machine_id);
    response->add_warnings(fmt::format("machine {} still has what was left there of {}",
                                       leftover.machine_id, clusters::WordsOf(leftover)));
  }
  for (const auto& machine : machines) {
    *response->add_next_actions() =
        MakeNextAction(v1::ACTION_CLEAN_MACHINE, {{"machine_id", machine}});
  }
  if (is_to_prune) {
    *response->add_next_actions() =
        MakeNextAction(v1::ACTION_PRUNE_CLUSTER, {{"cluster_name", record.cluster.name}});
  }
}

}  // namespace dmgr::status

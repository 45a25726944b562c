#include "server/operations/prune/prune.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/clusters/leftovers.h"
#include "server/members/ghosts.h"
#include "server/members/rules.h"
#include "server/operations/calls/change.h"
#include "server/operations/prune/plan.h"
#include "server/store/leftover_store.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kAnswerTime = absl::Seconds(5);

absl::Status NotPruned(const std::string& cluster, const char* reason, const std::string& why,
                       const std::string& remedy, const v1::NextAction& next) {
  Error error(absl::StatusCode::kFailedPrecondition, reason, "cluster {} cannot be pruned: {}",
              cluster, why);
  error.With("cluster", cluster).Remedy(remedy);
  if (next.action() != v1::ACTION_UNSPECIFIED) error.Next(next);
  return error;
}

// DM lets no dm-worker go that runs. A dm-master may have to: others may need it for their
// majority.
absl::Status CheckEnded(const Resources& resources, const store::ClusterRecord& record,
                        const std::vector<members::Ghost>& ghosts) {
  std::vector<store::LeftoverRecord> leftovers;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(leftovers, store::ListLeftovers(tx));
    return absl::OkStatus();
  }));
  for (const auto& ghost : ghosts) {
    if (ghost.component != topology::Component::kDmWorker || !ghost.Runs()) continue;
    const std::string machine = clusters::MachineOfLeftover(
        leftovers, record.cluster.uuid, ghost.component, ghost.name, ghost.address);
    return NotPruned(record.cluster.name, "GHOST_RUNS", fmt::format("{} runs", ghost.Words()),
                     machine.empty() ? "stop it on its host" : "clean the machine",
                     machine.empty()
                         ? v1::NextAction()
                         : MakeNextAction(v1::ACTION_CLEAN_MACHINE, {{"machine_id", machine}}));
  }
  return absl::OkStatus();
}

absl::Status FindGhosts(const Resources& resources, const store::ClusterRecord& record,
                        std::vector<members::Ghost>* ghosts) {
  const std::string& name = record.cluster.name;
  const auto members = resources.members->GetMembers(record.cluster, SteadyNow() + kAnswerTime, {});
  if (!members.ok()) {
    return NotPruned(name, "DM_NOT_HEALTHY",
                     fmt::format("without a majority of dm-masters DM lets nobody go: {}",
                                 Message(members.status())),
                     members::UnlessElecting("start the dm-masters"),
                     MakeNextAction(v1::ACTION_START_CLUSTER, {{"cluster_name", name}}));
  }
  *ghosts = members::GhostsOf(record.cluster, *members);
  const auto status = MakeNextAction(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", name}});
  if (ghosts->empty()) {
    return NotPruned(name, "NO_GHOSTS", "DM has no member that the record has not",
                     "nothing is to be done", status);
  }
  RETURN_IF_ERROR(CheckEnded(resources, record, *ghosts));
  const std::string quorum = members::GhostQuorumProblem(*ghosts, *members);
  return quorum.empty() ? absl::OkStatus()
                        : NotPruned(name, "DM_QUORUM", quorum, "see what is wrong with it", status);
}

}  // namespace

absl::StatusOr<v1::Operation> PruneCluster(const Resources& resources,
                                           const v1::PruneClusterRequest& request,
                                           const Caller& caller) {
  std::vector<members::Ghost> ghosts;
  ChangeRules rules;
  rules.look = [&](const Subject& subject) {
    return FindGhosts(resources, subject.record, &ghosts);
  };
  rules.plan = [&](const Subject& subject) { return PlanPrune(subject.record.cluster, ghosts); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations

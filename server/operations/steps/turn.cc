#include "server/operations/steps/turn.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "server/members/poll.h"
#include "server/members/probe.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/tasks.h"
#include "server/operations/steps/wait_news.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using topology::Component;
using topology::Instance;

// What is not yet as it must be, or nothing.
using Problem = std::function<std::string(const dm::Members& members)>;

constexpr absl::Duration kLookTimeout = absl::Seconds(3);
constexpr absl::Duration kCallTimeout = absl::Seconds(10);
constexpr absl::Duration kReadyTimeout = absl::Seconds(60);

// Time for the turns of others.
constexpr absl::Duration kPlaceTimeout = absl::Minutes(5);
constexpr absl::Duration kSourceTimeout = absl::Seconds(90);

absl::Status AwaitMembers(StepContext& context, const Turn& turn, absl::Duration timeout,
                          const Problem& problem) {
  std::string reason;
  WaitNews news(&context);
  const absl::Time deadline = std::min(context.deadline(), SteadyNow() + timeout);
  const auto cancelled = [&] { return context.Cancelled(); };
  const absl::Status waited =
      members::PollUntil(deadline, cancelled, [&]() -> absl::StatusOr<bool> {
        auto members = MembersBy(context).GetMembers(
            *turn.cluster, std::min(deadline, SteadyNow() + kLookTimeout), cancelled);
        reason = members.ok() ? problem(*members) : std::string(Message(members.status()));
        news.Say(reason);
        return reason.empty();
      });
  if (!absl::IsDeadlineExceeded(waited)) return waited;
  return Error(absl::StatusCode::kDeadlineExceeded, "CLUSTER_NOT_READY",
               "cluster {} is not ready to go on with {}: {}", turn.cluster->name,
               turn.instance->name, reason)
      .With("cluster", turn.cluster->name)
      .With("instance", turn.instance->name)
      .Remedy("see the status of the cluster, mend it, then resume the operation")
      .Next(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", turn.cluster->name}})
      .Next(v1::ACTION_RESUME_OPERATION,
            {{"operation_id", context.operation().operation.operation_id()}});
}

// Three dm-masters and more keep their majority while one restarts; fewer cannot.
std::string MajorityProblem(const Instance& instance, const dm::Members& members) {
  const std::size_t all = members.masters.size();
  const dm::Master* own = members.FindMaster(instance.name);
  if (all < 3 || own == nullptr || !own->alive) return "";
  const auto others = static_cast<std::size_t>(std::count_if(
      members.masters.begin(), members.masters.end(),
      [&](const dm::Master& master) { return master.alive && master.name != instance.name; }));
  if (others >= all / 2 + 1) return "";
  return fmt::format("only {} of the other {} dm-masters are alive", others, all - 1);
}

std::string UnboundSource(const std::vector<std::string>& sources, const dm::Members& members) {
  for (const auto& source : sources) {
    const bool bound = std::any_of(
        members.workers.begin(), members.workers.end(),
        [&](const auto& worker) { return worker.source == source && worker.stage != "offline"; });
    if (!bound) return fmt::format("source {} is bound to no dm-worker", source);
  }
  return "";
}

absl::Status GiveUpLead(StepContext& context, const Turn& turn) {
  const Instance& instance = *turn.instance;
  bool asked = false;
  return AwaitMembers(context, turn, kElectionTimeout, [&](const dm::Members& members) {
    if (members.leader_name.empty()) return std::string("the cluster has no leader");
    if (members.leader_name != instance.name || members.masters.size() < 2) return std::string();
    if (!asked) {
      absl::Status evicted = context.CheckClaim();
      if (evicted.ok()) {
        evicted = MembersBy(context).EvictLeader(instance, SteadyNow() + kCallTimeout,
                                                 [&] { return context.Cancelled(); });
      }
      if (!evicted.ok()) return std::string(Message(evicted));
      asked = true;
    }
    return fmt::format("dm-master {} still leads", instance.name);
  });
}

}  // namespace

absl::StatusOr<bool> Leads(StepContext& context, const Turn& turn) {
  bool leads = false;
  RETURN_IF_ERROR(
      AwaitMembers(context, turn, kElectionTimeout, [&](const dm::Members& members) -> std::string {
        leads = members.leader_name == turn.instance->name;
        return members.leader_name.empty() ? "the cluster has no leader" : "";
      }));
  return leads;
}

absl::StatusOr<std::optional<TurnGate::Place>> AwaitPlace(StepContext& context, const Turn& turn,
                                                          TurnGate* gate, Beside beside) {
  std::optional<TurnGate::Place> place;
  const std::string& name = turn.instance->name;
  RETURN_IF_ERROR(
      AwaitMembers(context, turn, kPlaceTimeout, [&](const dm::Members& members) -> std::string {
        if (members.leader_name.empty()) return "the cluster has no leader";
        const dm::Worker* worker = members.FindWorker(name);
        const bool is_bound = worker != nullptr && !worker->source.empty();
        if (is_bound && beside == Beside::kUnlessBound) return "";
        place = gate->TryEnter(name, members, /*keeps_spare=*/!turn.sources.empty());
        return place.has_value() ? "" : "other dm-workers have their turn, and one stays free";
      }));
  return place;
}

absl::Status RestartInTurn(StepContext& context, const Turn& turn,
                           const std::function<absl::Status()>& restart) {
  const Instance& instance = *turn.instance;
  if (!instance.IsDm()) return restart();
  const bool is_master = instance.component == Component::kDmMaster;
  if (is_master) {
    bool leads = false;
    RETURN_IF_ERROR(
        AwaitMembers(context, turn, kReadyTimeout, [&](const dm::Members& members) -> std::string {
          if (members.leader_name.empty()) return "the cluster has no leader";
          leads = members.leader_name == instance.name;
          return turn.spares_no_majority ? "" : MajorityProblem(instance, members);
        }));
    absl::Cleanup allow = [&] { AllowLead(context, instance); };
    if (leads) RETURN_IF_ERROR(GiveUpLead(context, turn));
    RETURN_IF_ERROR(restart());
    std::move(allow).Cancel();
  } else {
    RETURN_IF_ERROR(PrepareTasks(context, turn));
    RETURN_IF_ERROR(restart());
  }
  RETURN_IF_ERROR(AwaitMembers(context, turn, kSourceTimeout, [&](const dm::Members& members) {
    const std::string own = members::MemberProblem(instance, members);
    return own.empty() ? UnboundSource(turn.sources, members) : own;
  }));
  return AwaitTasks(context, turn);
}

void AllowLead(StepContext& context, const Instance& instance) {
  if (!context.CheckClaim().ok()) return;
  const absl::Status allowed =
      MembersBy(context).CancelEvict(instance, SteadyNow() + kCallTimeout, {});
  if (allowed.ok()) return;
  context.Log(v1::LogLine::LEVEL_INFO,
              fmt::format("dm-master {} was not asked to run for the leadership again: {}",
                          instance.name, Message(allowed)));
}

}  // namespace dmgr::operations

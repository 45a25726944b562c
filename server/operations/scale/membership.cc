#include "server/operations/scale/membership.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/placement.h"
#include "server/members/poll.h"
#include "server/members/probe.h"
#include "server/members/rules.h"
#include "server/migrations/subtasks.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/tasks.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/units.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using topology::Instance;

// etcd changes its members only when all have been connected for 5 s.
constexpr absl::Duration kConnected = absl::Milliseconds(5100);

// What a dm-master says of its start may be a second too early: its host's time of boot is cut to
// whole seconds. It connects up to half a second later.
constexpr absl::Duration kStartToConnect = absl::Milliseconds(1500);

// A connection that was lost and made again does not show: a join is then refused for 5 s more.
constexpr absl::Duration kRefusals = absl::Seconds(12);
constexpr absl::Duration kRefusalPause = absl::Milliseconds(400);
constexpr char kRefusal[] = "etcdserver: unhealthy cluster";

// The session of a leader that died ends after 60 s.
constexpr absl::Duration kElection = absl::Seconds(75);

absl::Status AwaitUntil(StepContext& context, absl::Time time) {
  return members::PollUntil(time + absl::Seconds(1), CancelledBy(context),
                            [&]() -> absl::StatusOr<bool> { return SteadyNow() >= time; });
}

// Until the youngest dm-master is old enough for a change. All are connected by now, so that no
// clock makes it longer than that.
absl::Status AwaitSettled(StepContext& context, const topology::Cluster& cluster) {
  const absl::Time latest = SteadyNow() + kConnected;
  absl::Time settled = absl::InfinitePast();
  for (const auto* master : members::JoinedMasters(cluster)) {
    const auto started =
        MembersBy(context).StartTime(*master, AskUntil(context), CancelledBy(context));
    if (started.ok()) settled = std::max(settled, *started + kStartToConnect + kConnected);
  }
  return AwaitUntil(context, std::min(settled, latest));
}

absl::Status WipeData(StepContext& context, const topology::Cluster& cluster,
                      const Instance& master) {
  hv1::ToHost request;
  auto* remove = request.mutable_batch()->add_requests()->mutable_remove_paths();
  remove->set_user(cluster.user);
  remove->add_dirs(master.data_dir);
  *request.mutable_batch()->add_requests()->mutable_make_dirs()->add_dirs() =
      clusters::DirToMake(cluster, master, master.data_dir);
  return Hosts(context).Call(context, std::move(request)).status();
}

// After a join that failed: nothing of it is in DM or in the data directory. When the members have
// no majority without it nothing can be taken back: it must be started.
absl::Status CleanUpJoin(StepContext& context, const topology::Cluster& cluster,
                         const Instance& master) {
  RETURN_IF_ERROR(StopInstances(context, {&master}));
  const topology::Cluster others = topology::Without(cluster, {master.name});
  RETURN_IF_ERROR(AskMembers(context, others).status());
  RETURN_IF_ERROR(LetMastersGo(context, others, {"", master.name}));
  return WipeData(context, cluster, master);
}

absl::Status Evict(StepContext& context, const topology::Cluster& others, const Instance& master) {
  auto members = AskMembers(context, others);
  if (!members.ok() || members->leader_name != master.name) return absl::OkStatus();
  RETURN_IF_ERROR(context.CheckClaim());
  RETURN_IF_ERROR(MembersBy(context).EvictLeader(master, AskUntil(context), CancelledBy(context)));
  return members::PollUntil(std::min(context.deadline(), SteadyNow() + kElection),
                            CancelledBy(context), [&]() -> absl::StatusOr<bool> {
                              members = AskMembers(context, others);
                              return members.ok() && !members->leader_name.empty() &&
                                     members->leader_name != master.name;
                            });
}

// What has stood still while an earlier attempt moved it.
void NotePaused(const Turn& turn) {
  if (turn.paused == nullptr) return;
  for (const auto& one : turn.subtasks) {
    if (one.stage() == v1::TASK_STAGE_RUNNING) *turn.paused->add_paused() = one;
  }
}

// Adds those that have begun since.
void AddSince(const migrations::SeenSubtasks& alive, migrations::SeenSubtasks* subtasks) {
  for (const auto& one : alive) {
    const bool is_known = std::ranges::any_of(*subtasks, [&](const auto& other) {
      return other.task() == one.task() && other.source() == one.source();
    });
    if (!is_known) subtasks->push_back(one);
  }
}

absl::Status MakeReadyToJoin(StepContext& context, const topology::Cluster& cluster,
                             const Instance& master) {
  const auto members = AskMembers(context, cluster);
  // Without a majority an earlier try has got so far that only its start heals them.
  if (!members.ok() || members->FindMaster(master.name) != nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(CleanUpJoin(context, cluster, master));
  const auto now = AskMembers(context, cluster);
  const std::string problem = now.ok() ? members::JoinProblem(cluster, *now) : "";
  if (!problem.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "DM_NOT_HEALTHY", "{} cannot join: {}",
                 master.name, problem)
        .With("instance", master.name)
        .Remedy("mend that, then resume the operation")
        .Next(v1::ACTION_RESUME_OPERATION,
              {{"operation_id", context.operation().operation.operation_id()}});
  }
  RETURN_IF_ERROR(AwaitSettled(context, cluster));
  return context.CheckClaim();
}

}  // namespace

absl::Status JoinMaster(StepContext& context, const topology::Cluster& cluster,
                        const Instance& master) {
  const absl::Time refused_until = SteadyNow() + kRefusals;
  bool again = true;
  while (true) {
    RETURN_IF_ERROR(MakeReadyToJoin(context, cluster, master));
    const absl::Status started =
        StartInstances(context, cluster, {&master}, FirstCrash::kEndsTheWait);
    if (started.ok() || context.Cancelled()) return started;
    const absl::Status cleaned = CleanUpJoin(context, cluster, master);
    if (!cleaned.ok()) {
      context.Log(v1::LogLine::LEVEL_WARNING,
                  "the failed join of " + master.name +
                      " is cleaned up by the next try: " + std::string(Message(cleaned)));
      return started;
    }
    // Nothing came of it; systemd would try again after 15 s.
    const std::string_view reason = Message(started);
    const bool refused = reason.find(kRefusal) != std::string_view::npos;
    const bool tries = refused ? SteadyNow() < refused_until : std::exchange(again, false);
    if (!tries) return started;
    context.Log(v1::LogLine::LEVEL_INFO, fmt::format("{} did not join and tries once more: {}",
                                                     master.name, refused ? kRefusal : reason));
    RETURN_IF_ERROR(AwaitUntil(context, SteadyNow() + (refused ? kRefusalPause : kConnected)));
  }
}

absl::Status CheckQuorum(StepContext& context, const topology::Cluster& cluster,
                         const std::vector<const Instance*>& leaving, bool force) {
  ASSIGN_OR_RETURN(const auto members, AskMembers(context, cluster));
  const std::string problem = members::QuorumProblem(leaving, members, force);
  if (problem.empty()) return absl::OkStatus();
  const std::string& id = context.operation().operation.operation_id();
  return Error(absl::StatusCode::kFailedPrecondition, "DM_QUORUM",
               "no dm-master of cluster {} leaves now: {}", cluster.name, problem)
      .With("cluster", cluster.name)
      .Remedy("mend that, then resume the operation")
      .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", id}});
}

absl::Status LeaveMaster(StepContext& context, const topology::Cluster& cluster,
                         const Instance& master) {
  const topology::Cluster others = topology::Without(cluster, {master.name});
  RETURN_IF_ERROR(Evict(context, others, master));
  const absl::Status left = LetMastersGo(context, others, {"", master.name});
  if (!left.ok() && !context.Cancelled()) {
    // It stays, and may lead again.
    MembersBy(context).CancelEvict(master, AskUntil(context), CancelledBy(context)).IgnoreError();
  }
  return left;
}

absl::Status VacateWorker(StepContext& context, const topology::Cluster& cluster,
                          const Instance& worker, const Vacating& vacating) {
  Turn turn;
  turn.cluster = &cluster;
  turn.instance = &worker;
  turn.subtasks = vacating.before;
  turn.accepts_load_restart = vacating.accepts_load_restart;
  turn.paused = vacating.paused;
  ASSIGN_OR_RETURN(auto members, AskMembers(context, cluster));
  const dm::Worker* listed = members.FindWorker(worker.name);
  if (listed == nullptr || listed->source.empty()) {
    NotePaused(turn);
    return AwaitTasks(context, turn);
  }
  const std::string source = listed->source;
  // Before anything else: without a free dm-worker they stand still as well.
  migrations::SeenSubtasks alive;
  RETURN_IF_ERROR(PrepareTasks(context, turn, &alive));
  AddSince(alive, &turn.subtasks);
  const std::string target = members::FreeWorker(vacating.leaving, members);
  if (target.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_FREE_WORKER",
                 "dm-worker {} has source {}, and no dm-worker that stays is free", worker.name,
                 source)
        .With("instance", worker.name)
        .With("source", source)
        .Remedy("undo this, and add a dm-worker first")
        .Next(v1::ACTION_ROLLBACK_OPERATION,
              {{"operation_id", context.operation().operation.operation_id()}});
  }
  RETURN_IF_ERROR(context.CheckClaim());
  RETURN_IF_ERROR(MembersBy(context).TransferSource(
      cluster, source, target, SteadyNow() + absl::Seconds(60), CancelledBy(context)));
  RETURN_IF_ERROR(members::PollUntil(context.deadline() - absl::Seconds(5), CancelledBy(context),
                                     [&]() -> absl::StatusOr<bool> {
                                       auto now = AskMembers(context, cluster);
                                       if (!now.ok()) return false;
                                       const dm::Worker* taker = now->FindWorker(target);
                                       return taker != nullptr && taker->source == source;
                                     }));
  context.Log(v1::LogLine::LEVEL_INFO,
              fmt::format("source {} moved from {} to {}", source, worker.name, target));
  return AwaitTasks(context, turn);
}

}  // namespace dmgr::operations

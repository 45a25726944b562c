#include "server/operations/steps/let_go.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/members/poll.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/wait_news.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;

// The session of one that died ends after 60 s.
constexpr absl::Duration kLettingGo = absl::Seconds(90);

absl::Status StillListed(const StepContext& context, const std::string& what,
                         const std::string& name, const std::string& last,
                         const std::string& remedy) {
  return Error(absl::StatusCode::kDeadlineExceeded, "DM_STILL_LISTED", "DM still lists {} {}: {}",
               what, name.empty() ? "without a name" : name, last)
      .With("instance", name)
      .Remedy(remedy)
      .Next(v1::ACTION_RESUME_OPERATION,
            {{"operation_id", context.operation().operation.operation_id()}});
}

}  // namespace

absl::Time AskUntil(const StepContext& context) {
  return std::min(context.deadline(), SteadyNow() + kAskTimeout);
}

dm::Cancelled CancelledBy(StepContext& context) {
  return [&context] { return context.Cancelled(); };
}

absl::StatusOr<dm::Members> AskMembers(StepContext& context, const topology::Cluster& cluster) {
  return MembersBy(context).GetMembers(cluster, AskUntil(context), CancelledBy(context));
}

absl::StatusOr<dm::Members> AwaitElected(StepContext& context, const topology::Cluster& cluster) {
  dm::Members members;
  std::string problem;
  WaitNews news(&context);
  const absl::Status waited =
      members::PollUntil(std::min(context.deadline(), SteadyNow() + kElectionTimeout),
                         CancelledBy(context), [&]() -> absl::StatusOr<bool> {
                           auto answer = AskMembers(context, cluster);
                           problem = !answer.ok() ? std::string(Message(answer.status()))
                                     : answer->leader_name.empty() ? "DM has no leader"
                                                                   : "";
                           news.Say(problem);
                           if (problem.empty()) members = *std::move(answer);
                           return problem.empty();
                         });
  if (waited.ok()) return members;
  if (!absl::IsDeadlineExceeded(waited)) return waited;
  return Error(absl::StatusCode::kDeadlineExceeded, "CLUSTER_NOT_READY",
               "cluster {} is not ready to go on: {}", cluster.name, problem)
      .With("cluster", cluster.name)
      .Remedy("see that more than half of the dm-masters run and reach each other, then resume")
      .Next(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", cluster.name}})
      .Next(v1::ACTION_RESUME_OPERATION,
            {{"operation_id", context.operation().operation.operation_id()}});
}

absl::Status LetMastersGo(StepContext& context, const topology::Cluster& others,
                          const std::vector<std::string>& names) {
  std::string last;
  const absl::Status waited =
      members::PollUntil(std::min(context.deadline(), SteadyNow() + kLettingGo),
                         CancelledBy(context), [&]() -> absl::StatusOr<bool> {
                           const auto members = AskMembers(context, others);
                           if (!members.ok()) {
                             last = std::string(Message(members.status()));
                             return false;
                           }
                           for (const std::string& name : names) {
                             if (members->FindMaster(name) == nullptr) continue;
                             RETURN_IF_ERROR(context.CheckClaim());
                             const absl::Status deleted = MembersBy(context).DeleteMaster(
                                 others, name, AskUntil(context), CancelledBy(context));
                             if (absl::IsFailedPrecondition(deleted)) return deleted;
                             if (!deleted.ok()) last = std::string(Message(deleted));
                             return false;
                           }
                           return true;
                         });
  if (!absl::IsDeadlineExceeded(waited)) return waited;
  return StillListed(context, "dm-master", names.back(), last,
                     "see that the other dm-masters run, then resume the operation");
}

absl::Status LetWorkerGo(StepContext& context, const topology::Cluster& cluster,
                         const std::string& name) {
  std::string last = "DM does not answer";
  const absl::Status waited =
      members::PollUntil(std::min(context.deadline() - absl::Seconds(5), SteadyNow() + kLettingGo),
                         CancelledBy(context), [&]() -> absl::StatusOr<bool> {
                           const auto members = AskMembers(context, cluster);
                           if (!members.ok()) {
                             last = std::string(Message(members.status()));
                             return false;
                           }
                           const dm::Worker* listed = members->FindWorker(name);
                           if (listed == nullptr) return true;
                           last = fmt::format("it is {} there", listed->stage);
                           if (listed->stage != "offline") return false;
                           RETURN_IF_ERROR(context.CheckClaim());
                           const absl::Status deleted = MembersBy(context).DeleteWorker(
                               cluster, name, AskUntil(context), CancelledBy(context));
                           if (!deleted.ok()) last = std::string(Message(deleted));
                           return false;
                         });
  if (!absl::IsDeadlineExceeded(waited)) return waited;
  return StillListed(context, "dm-worker", name, last,
                     "see that it is stopped, then resume the operation");
}

}  // namespace dmgr::operations

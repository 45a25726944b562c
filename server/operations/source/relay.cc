// Relay logs: what a dm-worker keeps of a source's binlogs.
#include <string>
#include <vector>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/source/plan.h"
#include "server/operations/source/seen.h"
#include "server/operations/source/source.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kRelayTime = absl::Seconds(30);
constexpr std::size_t kMaxFileName = 255;

// A dm-worker that is free, or has the source.
absl::Status CheckRelayWorker(const dm::Members& members, const std::string& source,
                              const std::string& worker) {
  const auto* found = members.FindWorker(worker);
  if (found != nullptr && (found->stage == "free" || found->source == source)) {
    return absl::OkStatus();
  }
  const std::string state = found == nullptr        ? "is none that DM has"
                            : found->source.empty() ? "is " + found->stage
                                                    : "has the source " + found->source;
  return Error(absl::StatusCode::kFailedPrecondition, "WORKER_NOT_FREE",
               "dm-worker {} cannot keep a relay log of {}: it {}", worker, source, state)
      .With("instance", worker)
      .Remedy("take one that is free, or the one that the source is bound to");
}

bool IsFileName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxFileName && name != "." && name != ".." &&
         name.find_first_of("/\\\n\r") == std::string::npos && name.find('\0') == std::string::npos;
}

}  // namespace

absl::StatusOr<v1::Operation> SetSourceRelay(const Resources& resources,
                                             const v1::SetSourceRelayRequest& request,
                                             const Caller& caller) {
  const std::string& source = request.source_id();
  const std::vector<std::string> workers(request.worker_names().begin(),
                                         request.worker_names().end());
  pv1::RelayParams params;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [](const Subject& subject) { return RequireUp(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const auto& cluster = subject.record.cluster;
    const absl::Time until = SteadyNow() + kRelayTime;
    if (request.enabled() && !workers.empty()) {
      ASSIGN_OR_RETURN(const auto members, resources.members->GetMembers(cluster, until, {}));
      for (const auto& worker : workers) {
        RETURN_IF_ERROR(CheckRelayWorker(members, source, worker));
      }
    }
    ASSIGN_OR_RETURN(const auto otherwise,
                     OtherwiseInRelay(resources, cluster, source, workers, request.enabled(),
                                      {.deadline = until}));
    params.set_source_id(source);
    params.set_enabled(request.enabled());
    params.set_was_so(otherwise.empty());
    const auto& concerned = otherwise.empty() || workers.empty() ? workers : otherwise;
    for (const auto& worker : concerned) params.add_workers(worker);
    return absl::OkStatus();
  };
  rules.plan = [&](const Subject& subject) { return PlanSetRelay(subject.record.cluster, params); };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::Operation> PurgeSourceRelay(const Resources& resources,
                                               const v1::PurgeSourceRelayRequest& request,
                                               const Caller& caller) {
  const std::string& source = request.source_id();
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [&](const Subject& subject) -> absl::Status {
    const bool is_valid = IsFileName(request.before_file()) &&
                          (request.sub_dir().empty() || IsFileName(request.sub_dir()));
    if (!is_valid) {
      return Error(absl::StatusCode::kInvalidArgument, "RELAY_FILE_INVALID",
                   "the file of the relay log that is to be the first one left is not valid")
          .Field("before_file", "must be the name of a binlog file, without a path")
          .Remedy("take the file that the source shows as its relay log's, or an older one");
    }
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const auto& cluster = subject.record.cluster;
    ASSIGN_OR_RETURN(
        auto kept, LookAtKept(resources, cluster, source, {.deadline = SteadyNow() + kRelayTime}));
    if (!kept.has_value()) return SourceNotFound(cluster.name, source);
    const WipeAtEnd wiped(&kept->config);
    ASSIGN_OR_RETURN(const auto config, migrations::ReadKnownSource(kept->config));
    if (config.enables_relay || !kept->relay_workers.empty()) return absl::OkStatus();
    return Error(absl::StatusCode::kFailedPrecondition, "RELAY_MISSING",
                 "no dm-worker keeps a relay log of source {}", source)
        .With("source", source)
        .Remedy("nothing is to be done");
  };
  rules.plan = [&](const Subject& subject) {
    pv1::PurgeRelayParams params;
    params.set_source_id(source);
    params.set_before_file(request.before_file());
    params.set_sub_dir(request.sub_dir());
    return PlanPurgeRelay(subject.record.cluster, params);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations

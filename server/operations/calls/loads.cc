#include "server/operations/calls/loads.h"

#include <algorithm>
#include <string>

#include "common/error.h"
#include "common/steady_time.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kLoadLook = absl::Seconds(3);

std::vector<std::string> WorkersAmong(const std::vector<const topology::Instance*>& instances) {
  std::vector<std::string> workers;
  for (const auto* instance : instances) {
    if (instance->component == topology::Component::kDmWorker) workers.push_back(instance->name);
  }
  return workers;
}

absl::StatusOr<migrations::SeenTasks> LookAtTasks(const Resources& resources,
                                                  const topology::Cluster& cluster) {
  ASSIGN_OR_RETURN(const auto status, resources.members->migrations().QueryStatus(
                                          cluster, "", {.deadline = SteadyNow() + kLoadLook}));
  return migrations::ReadStatus(status);
}

}  // namespace

absl::Status RequireNoLoad(const Resources& resources, const topology::Cluster& cluster,
                           const std::vector<const topology::Instance*>& instances,
                           v1::NextAction again) {
  const auto workers = WorkersAmong(instances);
  if (workers.empty()) return absl::OkStatus();
  const auto tasks = LookAtTasks(resources, cluster);
  if (!tasks.ok()) return absl::OkStatus();
  const auto loading = migrations::LoadingOn(workers, *tasks);
  if (loading.empty()) return absl::OkStatus();
  const auto& first = loading.front();
  Error error(absl::StatusCode::kFailedPrecondition, "TASK_IS_LOADING",
              "cluster {} is not changed now, since what loads would have to begin anew: {}",
              cluster.name, migrations::WordsOfLoading(loading));
  error.With("cluster", cluster.name)
      .With("task", first.task())
      .With("source", first.source())
      .With("instance", first.worker())
      .Remedy("wait until that has loaded, or accept that it begins anew");
  again.mutable_arguments()->erase("skip_unreachable");
  (*again.mutable_arguments())["accept_load_restart"] = "true";
  return error.Next(again);
}

absl::Status CheckLoads(const Resources& resources, const HostRules& hosts,
                        const topology::Cluster& cluster,
                        const std::vector<const topology::Instance*>& instances) {
  if (hosts.accepts_load_restart) return absl::OkStatus();
  return RequireNoLoad(resources, cluster, instances, hosts.skipping);
}

migrations::SeenSubtasks RunningOn(const Resources& resources, const topology::Cluster& cluster,
                                   const std::vector<const topology::Instance*>& instances) {
  const auto workers = WorkersAmong(instances);
  if (workers.empty()) return {};
  const auto tasks = LookAtTasks(resources, cluster);
  if (!tasks.ok()) return {};
  auto running = migrations::AliveOf(*tasks);
  std::erase_if(running, [&](const auto& one) {
    return one.stage() != v1::TASK_STAGE_RUNNING ||
           std::ranges::find(workers, one.worker()) == workers.end();
  });
  return running;
}

}  // namespace dmgr::operations

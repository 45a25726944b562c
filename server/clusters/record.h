// What the runners read before they act.
#ifndef DMGR_SERVER_CLUSTERS_RECORD_H_
#define DMGR_SERVER_CLUSTERS_RECORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/clusters/placement.h"
#include "server/engine/runner.h"
#include "server/operations/steps/host_scope.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {

// Base of the runners: each has the services and nothing else.
class Runner : public engine::StepRunner {
 public:
  explicit Runner(const Services* services) : services_(services) {}

 protected:
  const Services& services() const { return *services_; }
  static HostScope& Hosts(engine::StepContext& context) {
    return static_cast<HostScope&>(context.scope());
  }
  static const std::string& Machine(const engine::StepContext& context) {
    return context.step().step.host();
  }

 private:
  const Services* services_;
};

// Of steps that only look: there is nothing to take back, and what they recorded stays.
class ReadOnlyRunner : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<engine::StepResult> Undo(engine::StepContext&) final {
    return engine::StepResult{};
  }
  absl::StatusOr<bool> IsDone(engine::StepContext&) final { return true; }
};

// Removes everything of the cluster from the step's host, by the record of what was there before,
// and says in the log what stays. Idempotent.
absl::Status RemoveFromHost(const Services& services, engine::StepContext& context);
// The same of some of the cluster's instances; what they share with the others there stays.
absl::Status RemoveFromHost(const Services& services, engine::StepContext& context,
                            const store::ClusterRecord& record, const topology::Cluster& leaving);

// Of the cluster, the instances that the step is about: those that its parameters name, all when
// they name none.
absl::StatusOr<topology::Cluster> ConcernedBy(const engine::StepContext& context,
                                              const topology::Cluster& cluster);

// The cluster that the step's operation is about.
absl::StatusOr<store::ClusterRecord> LoadCluster(const Services& services,
                                                 engine::StepContext& context);
absl::StatusOr<v1::Package> LoadPackage(const Services& services, const std::string& version);
// The same in a step; read once by all steps of an operation.
absl::StatusOr<v1::Package> LoadPackage(const Services& services, engine::StepContext& context,
                                        const std::string& version);
// The record of what was on the step's machine before; NOT_FOUND when it was never surveyed.
absl::StatusOr<HostBefore> LoadBefore(const Services& services, const std::string& cluster,
                                      const std::string& machine_id);

// The state that is shown of an instance: that it waits for a reload goes before what it runs.
v1::Hotfix HotfixOf(const store::ClusterRecord& record, const std::string& instance);

// Contexts under which a cluster's secrets are sealed.
std::string GrafanaContext(const std::string& cluster_uuid);
std::string ClusterKeyContext(const std::string& cluster_uuid);
std::string OptionsContext(const std::string& cluster_uuid);
// Into sealed_options, and from there into the instances.
void SealOptions(const Services& services, store::ClusterRecord* record);
absl::Status OpenOptions(const Services& services, store::ClusterRecord* record);

// Scripts, configuration and unit of an instance, from the cluster's own package tree.
absl::StatusOr<render::RenderedInstance> RenderOne(const Services& services,
                                                   const store::ClusterRecord& record,
                                                   const topology::Instance& instance,
                                                   const render::PackageFiles& files);
// {cluster dir}/{version}.
std::string ClusterTree(const store::ClusterRecord& record);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_CLUSTERS_RECORD_H_

// Putting the instances of a cluster on their hosts.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_INSTALL_H_
#define DMGR_SERVER_OPERATIONS_STEPS_INSTALL_H_

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/host/v1/host.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/host_before.h"
#include "server/engine/runner.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace hv1 = ::dmgr::host::v1;

// The release stores on the step's machine for a component: its instances may lie on several file
// systems.
std::set<std::string> StoresFor(const topology::Cluster& cluster, const std::string& machine,
                                std::string_view component, const clusters::HostBefore& before);

// What of a release is sent to a host.
enum class Sending {
  kMissing,  // One that is not there.
  kChanged,  // Also one that is there, and is not as its hash says.
};

// Sends a component, and the patches of its instances, to the step's machine, unless they are
// there. Returns the bytes that were sent.
absl::StatusOr<std::uint64_t> SendComponent(
    const Resources& resources, engine::StepContext& context, const topology::Cluster& cluster,
    const v1::Package& package, const std::string& component, const clusters::HostBefore& before,
    Sending sending = Sending::kMissing);
absl::StatusOr<std::uint64_t> SendPatch(const Resources& resources, engine::StepContext& context,
                                        const topology::Cluster& cluster,
                                        const std::string& patch_id,
                                        const clusters::HostBefore& before,
                                        Sending sending = Sending::kMissing);
absl::StatusOr<bool> HasComponent(engine::StepContext& context, const topology::Cluster& cluster,
                                  const v1::Package& package, const std::string& component,
                                  const clusters::HostBefore& before);
absl::StatusOr<bool> HasPatch(engine::StepContext& context, const topology::Cluster& cluster,
                              std::string_view component, const std::string& patch_id,
                              const clusters::HostBefore& before);

// Gives up releases that no instance of the cluster on the step's machine has by the record, nor a
// package of `versions`.
absl::Status DropUnused(const Resources& resources, engine::StepContext& context,
                        const std::set<std::string>& hashes,
                        const std::vector<std::string>& versions);
void AddFiles(const topology::Cluster& cluster, const render::RenderedInstance& rendered,
              hv1::WriteFiles* write);

// The cluster's account on a host, which lets this key in if the cluster has a login; and of the
// cluster's keys that no other.
hv1::EnsureAccount AccountOf(const topology::Cluster& cluster, const std::string& public_key);
hv1::DropOldKeys OldKeysOf(const topology::Cluster& cluster, const std::string& public_key);

// User, key and directories of the cluster's instances on a machine, in one message.
hv1::ToHost Preparation(const store::ClusterRecord& record, const topology::Cluster& concerned,
                        const std::string& machine);

// The releases of these instances that are on the step's machine, and not as their hashes say; all
// of them are read.
absl::StatusOr<std::vector<std::string>> ChangedReleases(
    engine::StepContext& context, const std::vector<const topology::Instance*>& instances,
    const v1::Package& package, const clusters::HostBefore& before);

// Paths on the step's machine where an instance's programs are not those of its release or patch,
// by what is in them.
absl::StatusOr<std::vector<std::string>> Misplaced(
    engine::StepContext& context, const std::vector<const topology::Instance*>& instances,
    const v1::Package& package, const clusters::HostBefore& before);

// Binaries, configuration and units of instances of one machine, in one message. The units are
// enabled but for those in `disabled`.
absl::StatusOr<hv1::ToHost> Installation(const Resources& resources,
                                         const store::ClusterRecord& record,
                                         const std::vector<const topology::Instance*>& instances,
                                         const v1::Package& package,
                                         const clusters::HostBefore& before,
                                         const render::PackageFiles& files,
                                         const std::set<std::string>& disabled = {});

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_INSTALL_H_

// Putting the instances of a cluster on their hosts.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_INSTALL_H_
#define DMGR_SERVER_OPERATIONS_STEPS_INSTALL_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/clusters/record.h"

namespace dmgr::operations {

// Makes {cluster dir}/cache the rendered files of the cluster's instances, for people to read, by
// the FlatName of their path below the deploy_dir.
absl::Status WriteCache(const Services& services, const store::ClusterRecord& record);

// The release stores on the step's machine for a component: its instances may lie on several file
// systems.
std::set<std::string> StoresFor(const topology::Cluster& cluster, const std::string& machine,
                                std::string_view component, const HostBefore& before);
// Sends a component, and the patches of its instances, to the step's machine, unless they are
// there. Returns the bytes that were sent.
absl::StatusOr<std::uint64_t> SendComponent(const Services& services, engine::StepContext& context,
                                            const topology::Cluster& cluster,
                                            const v1::Package& package,
                                            const std::string& component, const HostBefore& before);
absl::StatusOr<std::uint64_t> SendPatch(const Services& services, engine::StepContext& context,
                                        const topology::Cluster& cluster,
                                        const std::string& patch_id, const HostBefore& before);
absl::StatusOr<bool> HasComponent(engine::StepContext& context, const topology::Cluster& cluster,
                                  const v1::Package& package, const std::string& component,
                                  const HostBefore& before);
absl::StatusOr<bool> HasPatch(engine::StepContext& context, const topology::Cluster& cluster,
                              std::string_view component, const std::string& patch_id,
                              const HostBefore& before);
// Gives up releases that no instance of the cluster on the step's machine has by the record, nor a
// package of `versions`.
absl::Status DropUnused(const Services& services, engine::StepContext& context,
                        const std::set<std::string>& hashes,
                        const std::vector<std::string>& versions);

void AddFiles(const topology::Cluster& cluster, const render::RenderedInstance& rendered,
              hv1::WriteFiles* write);
// Binaries, configuration and units of instances of one machine, in one message. The units are
// enabled but for those in `disabled`.
absl::StatusOr<hv1::ToHost> Installation(const Services& services,
                                         const store::ClusterRecord& record,
                                         const std::vector<const topology::Instance*>& instances,
                                         const v1::Package& package, const HostBefore& before,
                                         const render::PackageFiles& files,
                                         const std::set<std::string>& disabled = {});

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_INSTALL_H_

// An instance's files as they are to be, against those on its host.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_HOST_FILES_H_
#define DMGR_SERVER_OPERATIONS_STEPS_HOST_FILES_H_

#include <functional>
#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace hv1 = ::dmgr::host::v1;

// Scripts, configuration and unit of an instance of the record.
absl::StatusOr<render::RenderedInstance> RenderNamed(const Resources& resources,
                                                     const store::ClusterRecord& record,
                                                     const std::string& instance,
                                                     const render::PackageFiles& files);
bool IsSame(const render::RenderedInstance& one, const render::RenderedInstance& other);

// Names of the instances whose files are other ones in the second record.
absl::StatusOr<std::vector<std::string>> ChangedInstances(const Resources& resources,
                                                          const store::ClusterRecord& now,
                                                          const store::ClusterRecord& then);

// What an instance is to have on its host.
struct WantedFiles {
  const topology::Instance* instance = nullptr;
  render::RenderedInstance rendered;
  // Paths that the recorded configuration made, and the wanted one does not.
  std::vector<std::string> stale;
};

// The instance belongs to `desired`.
absl::StatusOr<WantedFiles> WantedFilesOf(const Resources& resources,
                                          const store::ClusterRecord& record,
                                          const store::ClusterRecord& desired,
                                          const std::string& instance,
                                          const render::PackageFiles& files);

// What of it is not so on the host.
struct Difference {
  std::vector<std::string> paths;
  // Only what the process reads again at a HUP.
  bool is_reloadable = false;
  // Puts back what was there.
  hv1::Batch restore;
};

using CallHost = std::function<absl::StatusOr<hv1::FromHost>(hv1::ToHost request)>;
absl::StatusOr<Difference> DifferenceOf(const topology::Cluster& cluster, const WantedFiles& wanted,
                                        const CallHost& call);

// Puts it there. enabled: of the unit, which stays as an administrator has it.
hv1::ToHost WriteRequest(const topology::Cluster& cluster, const WantedFiles& wanted, bool enabled);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_HOST_FILES_H_

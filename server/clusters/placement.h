// Where the files of a cluster's instances go on a host. Pure.
#ifndef DMGR_SERVER_CLUSTERS_PLACEMENT_H_
#define DMGR_SERVER_CLUSTERS_PLACEMENT_H_

#include <string>
#include <string_view>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

namespace hv1 = ::dmgr::host::v1;

// The directories of an instance, outer ones first.
std::vector<std::string> DirsOf(const topology::Instance& instance);

// One of an instance's directories, as the far end makes it.
hv1::Dir DirToMake(const topology::Cluster& cluster, const topology::Instance& instance,
                   const std::string& path);

// The same for all directories of the cluster's instances on a machine.
std::vector<hv1::Dir> DirsToMake(const topology::Cluster& cluster, const std::string& machine_id);

// The package's part for a component on hosts of an architecture, or nullptr. "": of the package's
// own architecture, where nothing is known of the hosts'.
const v1::PackageComponent* FindComponent(const v1::Package& package, std::string_view component,
                                          std::string_view arch = {});

// Of the architecture of the host: what an instance runs, and what the instances of a component on
// a machine run.
const v1::PackageComponent* ReleaseFor(const v1::Package& package,
                                       const topology::Instance& instance);
const v1::PackageComponent* ReleaseOn(const v1::Package& package, const topology::Cluster& cluster,
                                      std::string_view machine_id, std::string_view component);

// The architecture of a machine of the cluster as dmgr knows it, or "".
std::string ArchOn(const topology::Cluster& cluster, std::string_view machine_id);

// The components that a package may lack, and this one does.
std::vector<topology::Component> LackingIn(const v1::Package& package);

// Hashes of what an instance runs: of its release, and of its patch if it has one.
std::vector<std::string> ReleasesOf(const topology::Instance& instance, const v1::Package& package);

// Where the files of an instance's release go, with the program of its patch if it has one: this is
// what says which binary an instance gets.
std::vector<hv1::Placement> PlacementsOf(const topology::Instance& instance,
                                         const v1::PackageComponent& release);

// What the monitoring's own programs say of its rendered files, where the package has them:
// promtool and amtool. store_dir: where the release is on the host.
std::vector<hv1::CheckFile> ChecksOf(const topology::Cluster& cluster,
                                     const topology::Instance& instance,
                                     const v1::PackageComponent& release,
                                     const std::string& store_dir);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_PLACEMENT_H_

// A host as TiUP lays an instance there, against what was seen. Pure. Private to this room.
#ifndef DMGR_SERVER_OPERATIONS_IMPORT_FOUND_H_
#define DMGR_SERVER_OPERATIONS_IMPORT_FOUND_H_

#include <map>
#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "dmgr/plan/v1/units.pb.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace hv1 = ::dmgr::host::v1;
namespace pv1 = ::dmgr::plan::v1;

// {deploy_dir}/scripts/run_dm-master.sh
std::string TiupScript(const topology::Instance& instance);
// Where TiUP has the unit of an instance that the whole system's systemd runs.
std::string TiupUnitFile(const topology::Instance& instance);

// What the next function wants to know of a host.
hv1::Inspect TiupInspection(const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances);

// All that is otherwise, a sentence each. unit_files: their contents, by path.
std::vector<std::string> NotAsTiup(const topology::Cluster& cluster,
                                   const std::vector<const topology::Instance*>& instances,
                                   const hv1::InspectReply& seen,
                                   const std::map<std::string, std::string>& unit_files);

// Whether a unit file names the user.
bool RunsAs(const std::string& unit_file, const std::string& user);

// Which units run, and which are started at boot.
pv1::UnitsSeen UnitsIn(const hv1::InspectReply& seen);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_IMPORT_FOUND_H_

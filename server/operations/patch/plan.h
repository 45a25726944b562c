// The plan of a patch, and of taking patches off.
#ifndef DMGR_SERVER_OPERATIONS_PATCH_PLAN_H_
#define DMGR_SERVER_OPERATIONS_PATCH_PLAN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dmgr/plan/v1/patch.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kPatchRelease[] = "host.patch_release";
inline constexpr char kPatch[] = "host.patch";
inline constexpr char kRecordRolePatches[] = "control.record_role_patches";
inline constexpr char kDropPatches[] = "host.drop_patches";

struct PatchInput {
  // The instances that change.
  std::vector<const topology::Instance*> instances;
  // What they get; no patch_id: their package's program.
  v1::Patch patch;
  // What new instances got and get, by component; empty: the package's program.
  std::map<std::string, std::string> old_roles;
  std::map<std::string, std::string> new_roles;
  // How people call every patch, and the empty one.
  std::map<std::string, std::string> words;
  // See TurnOptions.
  std::uint32_t max_parallel = 0;
  bool spares_no_majority = false;
  bool accepts_load_restart = false;
};

// The program to all hosts at once, then one instance after another, then the record of what new
// instances get, and only then what nobody runs any more goes.
engine::Plan PlanPatch(const topology::Cluster& cluster, const PatchInput& input);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PATCH_PLAN_H_

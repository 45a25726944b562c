// The plan of a patch, and of taking patches off.
#ifndef DMGR_SERVER_OPERATIONS_PATCH_PLAN_H_
#define DMGR_SERVER_OPERATIONS_PATCH_PLAN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kPatchRelease[] = "host.patch_release";
inline constexpr char kPatch[] = "host.patch";
inline constexpr char kRecordRolePatches[] = "control.record_role_patches";
inline constexpr char kDropPatches[] = "host.drop_patches";

struct PatchInput {
  // Those that change.
  std::vector<const topology::Instance*> instances;
  // What they get; no patch_id: their package's program.
  v1::Patch patch;
  // By component, what new instances get instead of what they got; empty: the package's program.
  std::map<std::string, std::string> old_roles;
  std::map<std::string, std::string> new_roles;
  // Of every patch, and of the empty one, in words.
  std::map<std::string, std::string> words;
  // Of TurnOptions.
  std::uint32_t max_parallel = 0;
};

// The program to all hosts at once, then one instance after another, then the record of what new
// instances get, and only then what nobody runs any more goes.
engine::Plan PlanPatch(const topology::Cluster& cluster, const PatchInput& input);

// Of kPatch beside TurnParams: patches, and how they are called.
struct PatchParams {
  std::string from;
  std::string to;
  std::string from_words;
  std::string to_words;
};

struct PatchReleaseParams {
  std::string component;
  std::string patch;
};

struct RolePatchParams {
  std::map<std::string, std::string> from;
  std::map<std::string, std::string> to;
};

struct DropPatchParams {
  std::vector<std::string> patches;
};

std::string ToJson(const PatchReleaseParams& params);
std::string ToJson(const RolePatchParams& params);
std::string ToJson(const DropPatchParams& params);
absl::Status FromJson(const std::string& json, PatchParams* params);
absl::Status FromJson(const std::string& json, PatchReleaseParams* params);
absl::Status FromJson(const std::string& json, RolePatchParams* params);
absl::Status FromJson(const std::string& json, DropPatchParams* params);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PATCH_PLAN_H_

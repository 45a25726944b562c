#include "server/operations/patch/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "common/enum_words.h"
#include "common/error.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/kept_patches.h"
#include "server/clusters/placement.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/submit.h"
#include "server/operations/patch/plan.h"
#include "server/store/cluster_store.h"
#include "server/store/package_store.h"
#include "server/store/patch_store.h"
#include "server/topology/topology.h"
#include "server/warehouse/patch_upload.h"

namespace dmgr::operations {
namespace {

using topology::Instance;
using Selected = std::vector<const Instance*>;

absl::Status Refuse(const store::ClusterRecord& record, const char* reason, const std::string& why,
                    const std::string& remedy) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, "cluster {} is not patched: {}",
               record.cluster.name, why)
      .With("cluster", record.cluster.name)
      .Remedy(remedy);
}

// What is known when a plan is made.
struct Known {
  store::ClusterRecord record;
  v1::Package package;
  store::RolePatches roles;
  // Of every patch that the cluster uses, and of none.
  std::map<std::string, std::string> words;
};

absl::StatusOr<Known> LoadKnown(const Resources& resources, const std::string& cluster) {
  Known known;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(known.record, store::GetCluster(tx, cluster));
    ASSIGN_OR_RETURN(known.package, store::GetPackage(tx, known.record.cluster.version));
    ASSIGN_OR_RETURN(known.roles, store::ListRolePatches(tx, cluster));
    ASSIGN_OR_RETURN(known.words, clusters::WordsOf(tx, known.record, known.roles));
    return absl::OkStatus();
  }));
  return known;
}

// All of the selected are instances of one component; with no selection all that it has.
absl::StatusOr<Selected> SelectFor(const Known& known, const v1::Patch& patch,
                                   const v1::Selection& selection) {
  ASSIGN_OR_RETURN(auto selected, SelectInstances(known.record.cluster, selection));
  const std::string component = ToWord(patch.release().component());
  const bool all = selection.components().empty() && selection.nodes().empty();
  std::vector<std::string> others;
  Selected fitting;
  for (const auto* instance : selected) {
    if (topology::Name(instance->component) == component) {
      fitting.push_back(instance);
    } else {
      others.push_back(instance->name);
    }
  }
  if (!all && !others.empty()) {
    return Refuse(known.record, "COMPONENT_DIFFERS",
                  fmt::format("{} is for {}, and {} {} not", warehouse::Describe(patch), component,
                              fmt::join(others, ", "), others.size() == 1 ? "is" : "are"),
                  "select instances of " + component + " only");
  }
  if (fitting.empty()) {
    return Refuse(known.record, "COMPONENT_MISSING", "it has no " + component,
                  "see dmgrctl cluster show " + known.record.cluster.name);
  }
  return fitting;
}

absl::Status CheckPatch(const Known& known, const v1::Patch& patch) {
  const auto* release = clusters::FindComponent(known.package, ToWord(patch.release().component()));
  if (release != nullptr && release->release_hash() == patch.patch_id()) {
    return Refuse(
        known.record, "PATCH_SAME",
        fmt::format("the {} of {} is the one of package {}", ToWord(patch.release().component()),
                    patch.file_name(), known.package.version()),
        "to take patches off: dmgrctl cluster patch " + known.record.cluster.name + " --revert");
  }
  return absl::OkStatus();
}

absl::Status CheckUp(const store::ClusterRecord& record) {
  if (record.state == v1::CLUSTER_STATE_UP) return absl::OkStatus();
  return Refuse(record, "CLUSTER_NOT_UP",
                "it is not up, so that its instances cannot be taken one after another",
                "start it: dmgrctl cluster start " + record.cluster.name);
}

void TakeThoseThatDiffer(const Selected& selected, const std::string& patch, PatchInput* input) {
  std::copy_if(selected.begin(), selected.end(), std::back_inserter(input->instances),
               [&](const Instance* instance) { return instance->patch != patch; });
}

}  // namespace

absl::StatusOr<v1::Operation> PatchCluster(const Resources& resources,
                                           const v1::PatchClusterRequest& request,
                                           const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto known, LoadKnown(resources, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(known.record));
  PatchInput input;
  ASSIGN_OR_RETURN(input.patch, warehouse::LoadPatch(resources, request.patch_id()));
  ASSIGN_OR_RETURN(const auto selected, SelectFor(known, input.patch, request.selection()));
  RETURN_IF_ERROR(CheckPatch(known, input.patch));
  TakeThoseThatDiffer(selected, input.patch.patch_id(), &input);
  input.old_roles = input.new_roles = known.roles;
  if (request.overwrite()) {
    input.new_roles[ToWord(input.patch.release().component())] = input.patch.patch_id();
  }
  if (input.instances.empty() && input.old_roles == input.new_roles) {
    return Refuse(known.record, "PATCH_SAME",
                  fmt::format("what is selected runs {} already", warehouse::Describe(input.patch)),
                  "see dmgrctl cluster show " + known.record.cluster.name);
  }
  input.words = known.words;
  input.words[input.patch.patch_id()] = warehouse::Describe(input.patch);
  if (known.record.active_operation_id.empty()) {
    RETURN_IF_ERROR(CheckUp(known.record));
    RETURN_IF_ERROR(PreflightPatch(resources, known.record.cluster, input.instances, input.patch));
  }
  return Submit(resources, request, caller, PlanPatch(known.record.cluster, input),
                /*supersede=*/false, [&](store::Transaction& tx) -> absl::Status {
                  RETURN_IF_ERROR(clusters::CheckPlannedFrom(tx, known.record));
                  return store::HoldPatch(tx, input.patch.patch_id());
                });
}

absl::StatusOr<v1::Operation> RevertClusterPatches(const Resources& resources,
                                                   const v1::RevertClusterPatchesRequest& request,
                                                   const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto known, LoadKnown(resources, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(known.record));
  ASSIGN_OR_RETURN(const auto selected, SelectInstances(known.record.cluster, request.selection()));
  PatchInput input;
  TakeThoseThatDiffer(selected, "", &input);
  input.old_roles = input.new_roles = known.roles;
  for (const auto& [component, patch] : known.roles) {
    const auto of = topology::ParseComponent(component);
    if (!of.has_value()) continue;
    const auto count = std::count_if(selected.begin(), selected.end(),
                                     [&](const Instance* one) { return one->component == *of; });
    const auto all = known.record.cluster.Of(*of).size();
    if (static_cast<std::size_t>(count) == all) input.new_roles.erase(component);
  }
  if (input.instances.empty() && input.old_roles == input.new_roles) {
    return Refuse(known.record, "NOT_PATCHED", "nothing of what is selected is patched",
                  "see dmgrctl cluster show " + known.record.cluster.name);
  }
  input.words = known.words;
  if (known.record.active_operation_id.empty()) {
    RETURN_IF_ERROR(CheckUp(known.record));
    RETURN_IF_ERROR(PreflightStart(resources, known.record.cluster, input.instances));
  }
  return Submit(resources, request, caller, PlanPatch(known.record.cluster, input),
                /*supersede=*/false, [&](store::Transaction& tx) {
                  return clusters::CheckPlannedFrom(tx, known.record);
                });
}

}  // namespace dmgr::operations

#include "server/operations/patch/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/error.h"
#include "server/clusters/placement.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/submit.h"
#include "server/operations/patch/plan.h"
#include "server/store/package_store.h"
#include "server/store/patch_store.h"
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

absl::StatusOr<std::map<std::string, std::string>> WordsOf(store::Transaction& tx,
                                                           const store::ClusterRecord& record,
                                                           const store::RolePatches& roles) {
  std::map<std::string, std::string> words;
  std::set<std::string> ids;
  for (const auto& instance : record.cluster.instances) ids.insert(instance.patch);
  for (const auto& [component, patch] : roles) ids.insert(patch);
  ids.erase("");
  for (const auto& id : ids) {
    ASSIGN_OR_RETURN(const v1::Patch patch, store::GetPatch(tx, id));
    words[id] = Describe(patch);
  }
  words[""] = record.cluster.version;
  return words;
}

absl::StatusOr<Known> LoadKnown(const Services& services, const std::string& cluster) {
  Known known;
  RETURN_IF_ERROR(services.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(known.record, store::GetCluster(tx, cluster));
    ASSIGN_OR_RETURN(known.package, store::GetPackage(tx, known.record.cluster.version));
    ASSIGN_OR_RETURN(known.roles, store::ListRolePatches(tx, cluster));
    ASSIGN_OR_RETURN(known.words, WordsOf(tx, known.record, known.roles));
    return absl::OkStatus();
  }));
  return known;
}

// All of the selected are instances of one component; with no selection all that it has.
absl::StatusOr<Selected> SelectFor(const Known& known, const v1::Patch& patch,
                                   const v1::Selection& selection) {
  ASSIGN_OR_RETURN(auto selected, SelectInstances(known.record.cluster, selection));
  const std::string& component = patch.release().component();
  const bool all = selection.roles().empty() && selection.nodes().empty();
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
                  fmt::format("{} is for {}, and {} {} not", Describe(patch), component,
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
  const auto* release = FindComponent(known.package, patch.release().component());
  if (release != nullptr && release->release_hash() == patch.patch_id()) {
    return Refuse(
        known.record, "PATCH_SAME",
        fmt::format("the {} of {} is the one of package {}", patch.release().component(),
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

absl::StatusOr<v1::Operation> PatchCluster(const Services& services,
                                           const v1::PatchClusterRequest& request,
                                           const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto known, LoadKnown(services, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(known.record));
  PatchInput input;
  ASSIGN_OR_RETURN(input.patch, LoadPatch(services, request.patch_id()));
  ASSIGN_OR_RETURN(const auto selected, SelectFor(known, input.patch, request.selection()));
  RETURN_IF_ERROR(CheckPatch(known, input.patch));
  TakeThoseThatDiffer(selected, input.patch.patch_id(), &input);
  input.old_roles = input.new_roles = known.roles;
  if (request.overwrite()) {
    input.new_roles[input.patch.release().component()] = input.patch.patch_id();
  }
  if (input.instances.empty() && input.old_roles == input.new_roles) {
    return Refuse(known.record, "PATCH_SAME",
                  fmt::format("what is selected runs {} already", Describe(input.patch)),
                  "see dmgrctl cluster show " + known.record.cluster.name);
  }
  input.words = known.words;
  input.words[input.patch.patch_id()] = Describe(input.patch);
  if (known.record.active_operation_id.empty()) {
    RETURN_IF_ERROR(CheckUp(known.record));
    RETURN_IF_ERROR(PreflightPatch(services, known.record.cluster, input.instances, input.patch));
  }
  return Submit(services, request, caller, PlanPatch(known.record.cluster, input),
                /*supersede=*/false, [&](store::Transaction& tx) -> absl::Status {
                  RETURN_IF_ERROR(CheckPlannedFrom(tx, known.record));
                  return store::HoldPatch(tx, input.patch.patch_id());
                });
}

absl::StatusOr<v1::Operation> RevertClusterPatches(const Services& services,
                                                   const v1::RevertClusterPatchesRequest& request,
                                                   const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto known, LoadKnown(services, request.cluster_name()));
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
    RETURN_IF_ERROR(PreflightStart(services, known.record.cluster, input.instances));
  }
  return Submit(services, request, caller, PlanPatch(known.record.cluster, input),
                /*supersede=*/false,
                [&](store::Transaction& tx) { return CheckPlannedFrom(tx, known.record); });
}

absl::StatusOr<KeptPatches> LoadKeptPatches(const Services& services,
                                            const store::ClusterRecord& record) {
  KeptPatches kept;
  RETURN_IF_ERROR(services.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(kept.roles, store::ListRolePatches(tx, record.cluster.name));
    ASSIGN_OR_RETURN(kept.words, WordsOf(tx, record, kept.roles));
    return absl::OkStatus();
  }));
  return kept;
}

absl::Status CheckPlannedFrom(store::Transaction& tx, const store::ClusterRecord& planned) {
  ASSIGN_OR_RETURN(const auto now, store::GetCluster(tx, planned.cluster.name));
  const auto& before = planned.cluster.instances;
  const auto& after = now.cluster.instances;
  const bool same = now.cluster.version == planned.cluster.version &&
                    std::equal(before.begin(), before.end(), after.begin(), after.end(),
                               [](const Instance& a, const Instance& b) {
                                 return a.name == b.name && a.patch == b.patch;
                               });
  if (same) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "CLUSTER_CHANGED",
               "cluster {} was changed while this was planned", planned.cluster.name)
      .With("cluster", planned.cluster.name)
      .Remedy("try again");
}

absl::Status FillPatches(store::Transaction& tx, const store::ClusterRecord& record,
                         v1::Cluster* cluster) {
  ASSIGN_OR_RETURN(const auto roles, store::ListRolePatches(tx, record.cluster.name));
  std::map<std::string, v1::ClusterPatch> patches;
  for (const auto& instance : record.cluster.instances) {
    if (!instance.patch.empty()) patches[instance.patch].add_instance_names(instance.name);
  }
  for (const auto& [component, patch] : roles) patches[patch].set_kept_for_new_instances(true);
  for (auto& [id, use] : patches) {
    ASSIGN_OR_RETURN(*use.mutable_patch(), store::GetPatch(tx, id));
    *cluster->add_patches() = std::move(use);
  }
  return absl::OkStatus();
}

}  // namespace dmgr::operations

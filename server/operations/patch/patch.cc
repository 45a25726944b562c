#include "server/operations/patch/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "common/enum_words.h"
#include "common/error.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/kept_patches.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/patch/plan.h"
#include "server/store/cluster_store.h"
#include "server/store/patch_store.h"
#include "server/topology/topology.h"
#include "server/warehouse/patch_upload.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::operations {
namespace {

using topology::Instance;
using Selected = std::vector<const Instance*>;

// next: a call that helps, about this cluster.
absl::Status Refuse(const store::ClusterRecord& record, const char* reason, const std::string& why,
                    const std::string& remedy, v1::Action next = v1::ACTION_UNSPECIFIED) {
  Error error(absl::StatusCode::kFailedPrecondition, reason, "cluster {} is not patched: {}",
              record.cluster.name, why);
  error.With("cluster", record.cluster.name).Remedy(remedy);
  if (next != v1::ACTION_UNSPECIFIED) error.Next(next, {{"cluster_name", record.cluster.name}});
  return error;
}

// All of the selected are instances of one component; with no selection all that it has.
absl::StatusOr<Selected> SelectFor(const Subject& subject, const v1::Patch& patch,
                                   const v1::Selection& selection) {
  const std::string component = ToWord(patch.release().component());
  const bool all = selection.components().empty() && selection.nodes().empty();
  std::vector<std::string> others;
  Selected fitting;
  for (const auto* instance : subject.instances) {
    if (topology::Name(instance->component) == component) {
      fitting.push_back(instance);
    } else {
      others.push_back(instance->name);
    }
  }
  if (!all && !others.empty()) {
    return Refuse(subject.record, "COMPONENT_DIFFERS",
                  fmt::format("{} is for {}, and {} {} not", warehouse::Describe(patch), component,
                              fmt::join(others, ", "), others.size() == 1 ? "is" : "are"),
                  "select instances of " + component + " only");
  }
  if (fitting.empty()) {
    return Refuse(subject.record, "COMPONENT_MISSING", "it has no " + component, "see what it runs",
                  v1::ACTION_GET_CLUSTER);
  }
  return fitting;
}

absl::Status CheckPatch(const store::ClusterRecord& record, const v1::Package& package,
                        const v1::Patch& patch) {
  const std::string component = ToWord(patch.release().component());
  const auto* release = clusters::FindComponent(package, component, patch.arch());
  if (release != nullptr && release->release_hash() == patch.patch_id()) {
    return Refuse(record, "PATCH_SAME",
                  fmt::format("the {} of {} is the one of package {}", component, patch.file_name(),
                              package.version()),
                  "take patches off", v1::ACTION_REVERT_CLUSTER_PATCHES);
  }
  return absl::OkStatus();
}

void TakeThoseThatDiffer(const Selected& selected, const std::string& patch, PatchInput* input) {
  std::copy_if(selected.begin(), selected.end(), std::back_inserter(input->instances),
               [&](const Instance* instance) { return instance->patch != patch; });
}

// What a patch with these instances changes, or why it is none.
absl::StatusOr<PatchInput> PatchOf(const Resources& resources, const Subject& subject,
                                   const v1::PatchClusterRequest& request) {
  PatchInput input;
  ASSIGN_OR_RETURN(input.patch, warehouse::LoadPatch(resources, request.patch_id()));
  ASSIGN_OR_RETURN(const auto selected, SelectFor(subject, input.patch, request.selection()));
  ASSIGN_OR_RETURN(const auto package,
                   warehouse::LoadPackage(resources, subject.record.cluster.version));
  RETURN_IF_ERROR(CheckPatch(subject.record, package, input.patch));
  TakeThoseThatDiffer(selected, input.patch.patch_id(), &input);
  ASSIGN_OR_RETURN(auto kept, clusters::LoadKeptPatches(resources, subject.record));
  input.old_roles = input.new_roles = std::move(kept.roles);
  if (request.overwrite()) {
    input.new_roles[ToWord(input.patch.release().component())] = input.patch.patch_id();
  }
  if (input.instances.empty() && input.old_roles == input.new_roles) {
    return Refuse(subject.record, "PATCH_SAME",
                  fmt::format("what is selected runs {} already", warehouse::Describe(input.patch)),
                  "see what it runs", v1::ACTION_GET_CLUSTER);
  }
  input.words = std::move(kept.words);
  input.words[input.patch.patch_id()] = warehouse::Describe(input.patch);
  return input;
}

// The same of the way back to the package's programs.
absl::StatusOr<PatchInput> RevertOf(const Resources& resources, const Subject& subject) {
  PatchInput input;
  TakeThoseThatDiffer(subject.instances, "", &input);
  ASSIGN_OR_RETURN(auto kept, clusters::LoadKeptPatches(resources, subject.record));
  input.old_roles = input.new_roles = kept.roles;
  for (const auto& [component, patch] : kept.roles) {
    const auto of = topology::ParseComponent(component);
    if (!of.has_value()) continue;
    const auto count = std::count_if(subject.instances.begin(), subject.instances.end(),
                                     [&](const Instance* one) { return one->component == *of; });
    const auto all = subject.record.cluster.Of(*of).size();
    if (static_cast<std::size_t>(count) == all) input.new_roles.erase(component);
  }
  if (input.instances.empty() && input.old_roles == input.new_roles) {
    return Refuse(subject.record, "NOT_PATCHED", "nothing of what is selected is patched",
                  "see what it runs", v1::ACTION_GET_CLUSTER);
  }
  input.words = std::move(kept.words);
  return input;
}

template <typename Request>
HostRules HostsOf(v1::Action action, const Request& request, const PatchInput& input) {
  return {.skip_unreachable = request.skip_unreachable(),
          .skipping = Skipping(action, request.cluster_name(), request.selection()),
          .concerned = &input.instances,
          .needs_majority = true,
          .behind = Behind::kIsRepaired,
          .accepts_load_restart = request.accept_load_restart()};
}

// What changes on hosts that are left out is recorded, and made so when they come back. Takes it
// out of the input.
LeftOut LeaveOut(const Subject& subject, PatchInput* input) {
  LeftOut left_out = subject.left_out;
  const auto is_left_out = [&](const Instance* instance) {
    const auto& all = subject.left_out.instances;
    return std::find(all.begin(), all.end(), instance) != all.end();
  };
  left_out.instances.clear();
  std::copy_if(input->instances.begin(), input->instances.end(),
               std::back_inserter(left_out.instances), is_left_out);
  std::erase_if(input->instances, is_left_out);
  left_out.patch = input->patch.patch_id();
  return left_out;
}

}  // namespace

absl::StatusOr<v1::Operation> PatchCluster(const Resources& resources,
                                           const v1::PatchClusterRequest& request,
                                           const Caller& caller) {
  PatchInput input;
  LeftOut left_out;
  const HostRules hosts = HostsOf(v1::ACTION_PATCH_CLUSTER, request, input);
  ChangeRules rules;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) {
    return request.skip_unreachable() && IsHeldBy(resources, subject, {v1::OPERATION_KIND_PATCH});
  };
  rules.require = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(input, PatchOf(resources, subject, request));
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    left_out = LeaveOut(subject, &input);
    RETURN_IF_ERROR(CheckLoads(resources, hosts, subject.record.cluster, input.instances));
    return PreflightPatch(resources, subject.record.cluster, input.instances, input.patch);
  };
  rules.plan = [&](const Subject& subject) {
    input.max_parallel = request.max_parallel();
    input.spares_no_majority = LacksMaster(subject);
    input.accepts_load_restart = request.accept_load_restart();
    return PlanPatch(subject.record.cluster, input);
  };
  rules.leave_out = [&](const Subject&) { return left_out; };
  rules.store = [&](store::Transaction& tx) {
    return store::HoldPatch(tx, input.patch.patch_id());
  };
  return Change(resources, request, caller, rules);
}

absl::StatusOr<v1::Operation> RevertClusterPatches(const Resources& resources,
                                                   const v1::RevertClusterPatchesRequest& request,
                                                   const Caller& caller) {
  PatchInput input;
  LeftOut left_out;
  const HostRules hosts = HostsOf(v1::ACTION_REVERT_CLUSTER_PATCHES, request, input);
  ChangeRules rules;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) {
    return request.skip_unreachable() && IsHeldBy(resources, subject, {v1::OPERATION_KIND_PATCH});
  };
  rules.require = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(input, RevertOf(resources, subject));
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    left_out = LeaveOut(subject, &input);
    RETURN_IF_ERROR(CheckLoads(resources, hosts, subject.record.cluster, input.instances));
    return PreflightStart(resources, subject.record.cluster, input.instances);
  };
  rules.plan = [&](const Subject& subject) {
    input.max_parallel = request.max_parallel();
    input.spares_no_majority = LacksMaster(subject);
    input.accepts_load_restart = request.accept_load_restart();
    return PlanPatch(subject.record.cluster, input);
  };
  rules.leave_out = [&](const Subject&) { return left_out; };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations

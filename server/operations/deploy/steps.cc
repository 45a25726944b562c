// The steps of a deploy.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/error.h"
#include "common/short_status.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/cache.h"
#include "server/clusters/checks.h"
#include "server/clusters/cluster_key.h"
#include "server/clusters/conflicts.h"
#include "server/clusters/host_before.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/clusters/workspace.h"
#include "server/engine/runner.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/deploy/plan.h"
#include "server/operations/plan/units.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/runner.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"
#include "server/warehouse/shared.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

// Stands for the cluster's record, which the call that made the operation inserted.
class Register : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext&) override { return StepResult{}; }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name()](
                        store::Transaction& tx) { return store::DeleteCluster(tx, cluster); };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

// Looks at the host and commits what was there before anything is changed. Run again after the
// commit it changes nothing: the first record stays.
class Survey : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    const std::string machine = Machine(context);
    hv1::ToHost request;
    *request.mutable_inspect() = clusters::InspectionOf(record.cluster, machine);
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    ASSIGN_OR_RETURN(const auto allowed, clusters::LoadAllowedUsers(resources(), machine));
    const auto conflicts =
        clusters::DeployConflicts(record.cluster, machine, reply.inspect(), allowed);
    if (!conflicts.empty()) {
      return Error(absl::StatusCode::kFailedPrecondition, "HOST_CONFLICT", "{}",
                   Findings(fmt::format("machine {} is not free for cluster {}", machine,
                                        record.cluster.name),
                            conflicts))
          .With("machine", machine)
          .With("cluster", record.cluster.name)
          .Remedy("mend it, then resume the operation")
          .Next(v1::ACTION_RESUME_OPERATION,
                {{"operation_id", context.operation().operation.operation_id()}});
    }
    store::HostRecord before{
        machine, ToJson(clusters::MakeBefore(record.cluster, machine, reply.inspect()))};
    StepResult result;
    result.commit = [cluster = record.cluster.name, before](store::Transaction& tx) {
      return store::InsertHostRecord(tx, cluster, before);
    };
    return result;
  }
};

// The cluster's files on the control machine.
class Workspace : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    const std::string dir = ClusterDir(record.cluster.cluster_path, record.cluster.name);
    RETURN_IF_ERROR(clusters::ClaimClusterDir(dir, record.cluster.uuid));
    RETURN_IF_ERROR(
        warehouse::HavePackage(resources(), record.cluster.version, CancelledBy(context)));
    RETURN_IF_ERROR(clusters::CopyPackageTree(PackageTree(resources(), record.cluster.version),
                                              clusters::ClusterTree(record)));
    RETURN_IF_ERROR(clusters::WriteClusterKey(record));
    RETURN_IF_ERROR(clusters::WriteCache(resources(), record));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(clusters::RemoveClusterDir(
        ClusterDir(record.cluster.cluster_path, record.cluster.name), record.cluster.uuid));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    return std::filesystem::exists(clusters::ClusterTree(record));
  }
};

bool AllThere(const hv1::InspectReply& seen) {
  return std::none_of(seen.paths().begin(), seen.paths().end(), [](const hv1::PathState& state) {
    return state.type() == hv1::PathState::TYPE_ABSENT;
  });
}

// Base of the steps that put something on a host. Each alone takes everything of the cluster away:
// any of them may have been the first.
class OnHost : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Undo(StepContext& context) final {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    RETURN_IF_ERROR(RemoveFromHost(resources(), context, record, concerned));
    return StepResult{};
  }
};

// User, key and directories, in one message.
class Prepare : public OnHost {
 public:
  using OnHost::OnHost;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto concerned, ConcernedBy(context, record.cluster));
    auto request = Preparation(record, concerned, Machine(context));
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    hv1::ToHost request;
    auto* inspect = request.mutable_inspect();
    inspect->set_user(record.cluster.user);
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    for (const auto& dir : clusters::DirsToMake(concerned, Machine(context))) {
      inspect->add_paths(dir.path());
    }
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    return reply.inspect().user_exists() && AllThere(reply.inspect());
  }
};

// Sends one component, unless the host has it.
class SendRelease : public OnHost {
 public:
  using OnHost::OnHost;
  absl::Duration Deadline() const override { return absl::Hours(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::ReleaseParams>(context));
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto package, LoadPackage(resources(), context, record.cluster.version));
    ASSIGN_OR_RETURN(auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    ASSIGN_OR_RETURN(const auto sent, SendComponent(resources(), context, concerned, package,
                                                    params.component(), before));
    pv1::ReleaseResult seen;
    seen.set_sent_bytes(sent);
    return StepResult{.result_json = StepJson(seen), .commit = nullptr};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::ReleaseParams>(context));
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto package, LoadPackage(resources(), context, record.cluster.version));
    ASSIGN_OR_RETURN(auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    return HasComponent(context, concerned, package, params.component(), before);
  }
};

// Binaries, configuration and units, in one message.
class Install : public OnHost {
 public:
  using OnHost::OnHost;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto package, LoadPackage(resources(), context, record.cluster.version));
    ASSIGN_OR_RETURN(auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    ASSIGN_OR_RETURN(auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    const auto instances = concerned.OnMachine(Machine(context));
    std::set<std::string> disabled;
    for (const auto* instance : instances) {
      if (!instance->wanted_enabled) disabled.insert(instance->Unit());
    }
    ASSIGN_OR_RETURN(auto request, Installation(resources(), record, instances, package, before,
                                                files, disabled));
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto package, LoadPackage(resources(), context, record.cluster.version));
    ASSIGN_OR_RETURN(auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    hv1::ToHost request;
    auto* inspect = request.mutable_inspect();
    for (const auto* instance : concerned.OnMachine(Machine(context))) {
      inspect->add_units(instance->Unit());
      const auto* release = clusters::ReleaseFor(package, *instance);
      if (release == nullptr) return false;
      for (const auto& placement : clusters::PlacementsOf(*instance, *release)) {
        inspect->add_paths(placement.target());
      }
      ASSIGN_OR_RETURN(auto rendered, clusters::RenderOne(resources(), record, *instance, files));
      for (const auto& file : rendered.files) inspect->add_paths(file.path);
    }
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    const auto& units = reply.inspect().units();
    return AllThere(reply.inspect()) &&
           std::all_of(units.begin(), units.end(), [](const auto& unit) { return unit.loaded(); });
  }
};

}  // namespace

void RegisterDeployRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kRegister, std::make_unique<Register>(resources));
  registry->Add(kSurvey, std::make_unique<Survey>(resources));
  registry->Add(kWorkspace, std::make_unique<Workspace>(resources));
  registry->Add(kPrepare, std::make_unique<Prepare>(resources));
  registry->Add(kRelease, std::make_unique<SendRelease>(resources));
  registry->Add(kInstall, std::make_unique<Install>(resources));
}

}  // namespace dmgr::operations

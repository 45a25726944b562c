// The steps of a deploy.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/clusters/workspace.h"
#include "server/operations/plan/units.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/runner.h"

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
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    const std::string machine = Machine(context);
    hv1::ToHost request;
    *request.mutable_inspect() = InspectionOf(record.cluster, machine);
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    const auto conflicts = DeployConflicts(record.cluster, machine, reply.inspect());
    if (!conflicts.empty()) {
      return Error(absl::StatusCode::kFailedPrecondition, "HOST_CONFLICT",
                   "machine {} is not free for cluster {}: {}", machine, record.cluster.name,
                   fmt::join(conflicts, "; "))
          .With("machine", machine)
          .With("cluster", record.cluster.name)
          .Remedy("mend it, then: dmgrctl operation resume " +
                  context.operation().operation.operation_id());
    }
    store::HostRecord before{machine, ToJson(MakeBefore(record.cluster, machine, reply.inspect()))};
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
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    const std::string dir = ClusterDir(record.cluster.cluster_path, record.cluster.name);
    RETURN_IF_ERROR(ClaimClusterDir(dir, record.cluster.uuid));
    RETURN_IF_ERROR(
        CopyPackageTree(PackageTree(services(), record.cluster.version), ClusterTree(record)));
    RETURN_IF_ERROR(
        WriteFileAtomically(dir + "/ssh/id_ed25519.pub", record.public_key + "\n", 0644));
    RETURN_IF_ERROR(
        WriteFileAtomically(dir + "/ssh/id_ed25519.sealed", record.sealed_private_key, 0600));
    RETURN_IF_ERROR(WriteCache(services(), record));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    RETURN_IF_ERROR(RemoveClusterDir(ClusterDir(record.cluster.cluster_path, record.cluster.name),
                                     record.cluster.uuid));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    return std::filesystem::exists(ClusterTree(record));
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
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    RETURN_IF_ERROR(RemoveFromHost(services(), context, record, concerned));
    return StepResult{};
  }
};

// User, key and directories, in one message.
class Prepare : public OnHost {
 public:
  using OnHost::OnHost;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    hv1::ToHost request;
    auto* account = request.mutable_batch()->add_requests()->mutable_ensure_account();
    account->set_user(record.cluster.user);
    account->set_group(record.cluster.group);
    account->set_create(!record.cluster.skip_create_user);
    account->set_public_key(record.public_key);
    auto* dirs = request.mutable_batch()->add_requests()->mutable_make_dirs();
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    for (auto& dir : DirsToMake(concerned, Machine(context))) {
      *dirs->add_dirs() = std::move(dir);
    }
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    hv1::ToHost request;
    auto* inspect = request.mutable_inspect();
    inspect->set_user(record.cluster.user);
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    for (const auto& dir : DirsToMake(concerned, Machine(context))) {
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
    ReleaseParams params;
    RETURN_IF_ERROR(FromJson(context.step().payload_json, &params));
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto package, LoadPackage(services(), context, record.cluster.version));
    ASSIGN_OR_RETURN(auto before, LoadBefore(services(), record.cluster.name, Machine(context)));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    ASSIGN_OR_RETURN(const auto sent, SendComponent(services(), context, concerned, package,
                                                    params.component, before));
    StepResult result;
    result.result_json = fmt::format(R"({{"sent_bytes":{}}})", sent);
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ReleaseParams params;
    RETURN_IF_ERROR(FromJson(context.step().payload_json, &params));
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto package, LoadPackage(services(), context, record.cluster.version));
    ASSIGN_OR_RETURN(auto before, LoadBefore(services(), record.cluster.name, Machine(context)));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    return HasComponent(context, concerned, package, params.component, before);
  }
};

// Binaries, configuration and units, in one message.
class Install : public OnHost {
 public:
  using OnHost::OnHost;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto package, LoadPackage(services(), context, record.cluster.version));
    ASSIGN_OR_RETURN(auto before, LoadBefore(services(), record.cluster.name, Machine(context)));
    ASSIGN_OR_RETURN(auto files, render::LoadPackageFiles(ClusterTree(record)));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    ASSIGN_OR_RETURN(auto request,
                     Installation(services(), record, concerned.OnMachine(Machine(context)),
                                  package, before, files));
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto package, LoadPackage(services(), context, record.cluster.version));
    ASSIGN_OR_RETURN(auto files, render::LoadPackageFiles(ClusterTree(record)));
    ASSIGN_OR_RETURN(auto concerned, ConcernedBy(context, record.cluster));
    hv1::ToHost request;
    auto* inspect = request.mutable_inspect();
    for (const auto* instance : concerned.OnMachine(Machine(context))) {
      inspect->add_units(instance->Unit());
      const auto* release = FindComponent(package, topology::Name(instance->component));
      if (release == nullptr) return false;
      for (const auto& placement : PlacementsOf(*instance, *release)) {
        inspect->add_paths(placement.target());
      }
      ASSIGN_OR_RETURN(auto rendered, RenderOne(services(), record, *instance, files));
      for (const auto& file : rendered.files) inspect->add_paths(file.path);
    }
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    const auto& units = reply.inspect().units();
    return AllThere(reply.inspect()) &&
           std::all_of(units.begin(), units.end(), [](const auto& unit) { return unit.loaded(); });
  }
};

}  // namespace

void RegisterDeployRunners(const Services* services, engine::Registry* registry) {
  registry->Add(kRegister, std::make_unique<Register>(services));
  registry->Add(kSurvey, std::make_unique<Survey>(services));
  registry->Add(kWorkspace, std::make_unique<Workspace>(services));
  registry->Add(kPrepare, std::make_unique<Prepare>(services));
  registry->Add(kRelease, std::make_unique<SendRelease>(services));
  registry->Add(kInstall, std::make_unique<Install>(services));
}

engine::ScopeFactory MakeScopeFactory(const Services* services) {
  return [services](const store::OperationRecord& operation) {
    return std::make_unique<HostScope>(services, operation);
  };
}

}  // namespace dmgr::operations

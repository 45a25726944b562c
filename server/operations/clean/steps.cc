// The steps of a clean.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "dmgr/plan/v1/clean.pb.h"
#include "server/clusters/cache.h"
#include "server/clusters/record.h"
#include "server/engine/runner.h"
#include "server/operations/clean/clean.h"
#include "server/operations/clean/plan.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units_runner.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Component;

constexpr double kMiB = 1048576;

class CheckStopped : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(RequireInactive(context, instances, "be cleaned"));
    return StepResult{};
  }
};

// The far end looks once more that none of them runs.
class CleanDirs : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return absl::Minutes(30); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::CleanParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    hv1::ToHost request;
    auto* clear = request.mutable_clear_dirs();
    clear->set_user(record.cluster.user);
    for (const auto* instance : instances) {
      clear->add_units(instance->Unit());
      for (auto& dir : DirsToClean(*instance, {.logs = params.logs(), .data = params.data()})) {
        clear->add_dirs(std::move(dir));
      }
    }
    ASSIGN_OR_RETURN(const auto reply, Hosts(context).Call(context, std::move(request)));
    const hv1::ClearDirsReply& cleared = reply.clear_dirs();
    context.Log(v1::LogLine::LEVEL_INFO,
                fmt::format("removed {} file{}, {:.1f} MiB", cleared.removed_files(),
                            cleared.removed_files() == 1 ? "" : "s",
                            static_cast<double>(cleared.removed_bytes()) / kMiB));
    for (const auto& path : cleared.left()) {
      context.Log(v1::LogLine::LEVEL_WARNING,
                  fmt::format("left on {}: {}, since it is not {}'s", Machine(context), path,
                              record.cluster.user));
    }
    return StepResult{};
  }
};

// Scripts and configuration of dm-masters that find each other as new ones.
class Found : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    record.cluster = AsFounded(std::move(record.cluster));
    ASSIGN_OR_RETURN(const auto masters, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
    hv1::ToHost request;
    for (const auto* master : masters) {
      ASSIGN_OR_RETURN(const auto rendered,
                       clusters::RenderOne(resources(), record, *master, files));
      AddFiles(record.cluster, rendered, request.mutable_write_files());
    }
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
};

class RecordFounders : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    record.cluster = AsFounded(std::move(record.cluster));
    RETURN_IF_ERROR(clusters::WriteCache(resources(), record));
    std::vector<std::string> masters;
    for (const auto* master : record.cluster.Of(Component::kDmMaster)) {
      masters.push_back(master->name);
    }
    StepResult result;
    result.commit = [cluster = record.cluster.name, masters](store::Transaction& tx) {
      return store::SetMembership(tx, cluster, masters, topology::Membership::kFounder);
    };
    return result;
  }
};

}  // namespace

void RegisterCleanRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kCheckStopped, std::make_unique<CheckStopped>(resources));
  registry->Add(kClean, std::make_unique<CleanDirs>(resources));
  registry->Add(kFound, std::make_unique<Found>(resources));
  registry->Add(kRecordFounders, std::make_unique<RecordFounders>(resources));
}

}  // namespace dmgr::operations

#include "server/operations/steps/founding.h"

#include <fmt/format.h>

#include <map>
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
#include "server/operations/plan/founding.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units_runner.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Component;
using topology::Membership;

constexpr double kMiB = 1048576;

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

// The cluster with the founders that the step names.
absl::StatusOr<store::ClusterRecord> Founded(const Resources& resources, StepContext& context) {
  ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::FoundParams>(context));
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources, context));
  record.cluster =
      AsFounded(std::move(record.cluster), {params.founders().begin(), params.founders().end()});
  return record;
}

// Scripts and configuration of dm-masters that find each other as new ones.
class Found : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, Founded(resources(), context));
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
    ASSIGN_OR_RETURN(const auto record, Founded(resources(), context));
    RETURN_IF_ERROR(clusters::WriteCache(resources(), record));
    std::map<Membership, std::vector<std::string>> masters;
    for (const auto* master : record.cluster.Of(Component::kDmMaster)) {
      masters[master->membership].push_back(master->name);
    }
    StepResult result;
    result.commit = [cluster = record.cluster.name, masters](store::Transaction& tx) {
      for (const auto& [membership, names] : masters) {
        RETURN_IF_ERROR(store::SetMembership(tx, cluster, names, membership));
      }
      return absl::OkStatus();
    };
    return result;
  }
};

}  // namespace

void RegisterFoundingRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kClean, std::make_unique<CleanDirs>(resources));
  registry->Add(kFound, std::make_unique<Found>(resources));
  registry->Add(kRecordFounders, std::make_unique<RecordFounders>(resources));
}

}  // namespace dmgr::operations

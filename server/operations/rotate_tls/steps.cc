// The steps of other certificates.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/cache.h"
#include "server/clusters/record.h"
#include "server/engine/runner.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/rotate_tls/plan.h"
#include "server/operations/rotate_tls/rotate_tls.h"
#include "server/operations/steps/host_files.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/replace_runner.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/tls_state.h"
#include "server/operations/steps/units.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

// In the record: dmgrd itself shows, and trusts, what it says from then on.
class RecordTls : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto round, ParamsOf<pv1::TlsRound>(context));
    return Set(context, round, round.next());
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto round, ParamsOf<pv1::TlsRound>(context));
    return Set(context, round, round.previous());
  }
  // A later round records something else.
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  absl::StatusOr<StepResult> Set(StepContext& context, const pv1::TlsRound& round,
                                 const pv1::TlsState& state) {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    SetTlsState(state, &record.cluster);
    RETURN_IF_ERROR(clusters::WriteCache(resources(), record));
    StepResult result;
    result.result_json = StepJson(round);
    result.commit = [cluster = record.cluster](store::Transaction& tx) {
      return StoreTls(tx, cluster);
    };
    return result;
  }
};

// Gives one instance the certificates of its round.
class RenewTls : public ReplaceRunner {
 public:
  using ReplaceRunner::ReplaceRunner;

 protected:
  absl::StatusOr<Replacement> Describe(const StepContext&) const override {
    return Replacement{"its new certificates", "its old certificates", "TLS_NOT_RENEWED"};
  }
  absl::StatusOr<bool> StaysStopped(StepContext& context, const Instance& instance) override {
    ASSIGN_OR_RETURN(const Instances ran, ThatWere(true, {&instance}, context));
    return ran.empty();
  }
  absl::Status PlaceFiles(StepContext& context, const store::ClusterRecord& record,
                          const Instance& instance, bool back) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::TlsTurn>(context));
    ASSIGN_OR_RETURN(const auto round, ResultOf<pv1::TlsRound>(context, params.round_step()));
    if (!round.has_value()) {
      return Error(absl::StatusCode::kInternal, "STEP_MISSING",
                   "the operation has not recorded the certificates of {}", instance.name);
    }
    store::ClusterRecord at = record;
    SetTlsState(back ? round->previous() : round->next(), &at.cluster);
    ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(at)));
    ASSIGN_OR_RETURN(auto rendered, RenderNamed(resources(), at, instance.name, files));
    const std::string folder = instance.deploy_dir + "/tls/";
    std::erase_if(rendered.files,
                  [&](const render::RenderedFile& file) { return !file.path.starts_with(folder); });
    hv1::ToHost request;
    AddFiles(at.cluster, rendered, request.mutable_write_files());
    return Hosts(context).Call(context, std::move(request)).status();
  }
};

}  // namespace

void RegisterRotateTlsRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kRecordTls, std::make_unique<RecordTls>(resources));
  registry->Add(kRenewTls, std::make_unique<RenewTls>(resources));
}

}  // namespace dmgr::operations

#include "server/operations/source/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/steps/migrations.h"

namespace dmgr::operations {
namespace {

template <typename Params>
engine::Step SourceStep(const char* what, const std::string& title, const char* runner,
                        const Params& source, std::vector<std::string> before) {
  auto step = ControlStep(fmt::format("source/{}", what), title, runner, std::move(before));
  step.payload_json = StepJson(source);
  return step;
}

// Of what brings a configuration.
engine::Plan WithRevision(v1::OperationKind kind, const topology::Cluster& cluster,
                          const pv1::SourceParams& source, const char* what,
                          const std::string& title, const char* runner) {
  engine::Plan plan = NewPlan(kind, cluster);
  plan.steps.push_back(
      KeepRevisionStep(store::MigrationKind::kSource, source.source_id(), source.revision()));
  auto step = SourceStep(what, title, runner, source, {plan.steps.front().id});
  plan.steps.push_back(std::move(step));
  return plan;
}

}  // namespace

engine::Plan PlanCreateSource(const topology::Cluster& cluster, const pv1::SourceParams& source) {
  const std::string at = source.worker().empty() ? "" : fmt::format(" on {}", source.worker());
  return WithRevision(v1::OPERATION_KIND_CREATE_SOURCE, cluster, source, "create",
                      fmt::format("give DM the source {}{}", source.source_id(), at),
                      kCreateSource);
}

engine::Plan PlanUpdateSource(const topology::Cluster& cluster, const pv1::SourceParams& source) {
  return WithRevision(v1::OPERATION_KIND_UPDATE_SOURCE, cluster, source, "update",
                      fmt::format("give DM the new configuration of source {}", source.source_id()),
                      kUpdateSource);
}

engine::Plan PlanDeleteSource(const topology::Cluster& cluster, const pv1::SourceParams& source) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_DELETE_SOURCE, cluster);
  auto stop = SourceStep("stop", fmt::format("take the source {} from DM", source.source_id()),
                         kStopSource, source, {});
  auto forget = SourceStep("forget", fmt::format("forget the source {}", source.source_id()),
                           kForgetSource, source, {stop.id});
  forget.point_of_no_return = true;
  plan.steps.push_back(std::move(stop));
  plan.steps.push_back(std::move(forget));
  return plan;
}

engine::Plan PlanTransferSource(const topology::Cluster& cluster, const pv1::SourceParams& source) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_TRANSFER_SOURCE, cluster);
  plan.steps.push_back(SourceStep(
      "bind", fmt::format("bind the source {} to {}", source.source_id(), source.worker()),
      kBindSource, source, {}));
  return plan;
}

engine::Plan PlanSetRelay(const topology::Cluster& cluster, const pv1::RelayParams& relay) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_SET_SOURCE_RELAY, cluster);
  const std::string at =
      relay.workers().empty() ? "" : fmt::format(" on {}", fmt::join(relay.workers(), ", "));
  plan.steps.push_back(
      SourceStep("relay",
                 fmt::format("{} the relay log of {}{}", relay.enabled() ? "begin" : "end",
                             relay.source_id(), at),
                 kSetRelay, relay, {}));
  return plan;
}

engine::Plan PlanPurgeRelay(const topology::Cluster& cluster, const pv1::PurgeRelayParams& purge) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_PURGE_SOURCE_RELAY, cluster);
  auto step = SourceStep("purge",
                         fmt::format("remove files of the relay log of {} before {}",
                                     purge.source_id(), purge.before_file()),
                         kPurgeRelay, purge, {});
  step.point_of_no_return = true;
  plan.steps.push_back(std::move(step));
  return plan;
}

engine::Plan PlanAdoptSource(const topology::Cluster& cluster, const pv1::SourceParams& source) {
  return WithRevision(v1::OPERATION_KIND_ADOPT_SOURCE, cluster, source, "adopt",
                      fmt::format("record the source {} that DM has", source.source_id()),
                      kAdoptSource);
}

}  // namespace dmgr::operations

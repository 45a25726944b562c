#include "server/operations/rotate_tls/plan.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

// Of what a round is, in words; the first is a part of its steps' ids.
struct RoundWords {
  const char* verb;
  const char* title;
};
constexpr RoundWords kNewCertificates = {"renew", "record the new certificates"};
constexpr RoundWords kNewAuthority[] = {{"trust", "record that both CAs are trusted"},
                                        {"renew", "record the certificates of the new CA"},
                                        {"distrust", "record that the new CA alone is trusted"}};

}  // namespace

engine::Plan PlanRotateTls(const topology::Cluster& cluster,
                           const std::vector<const topology::Instance*>& instances,
                           const TlsRotation& rotation) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_ROTATE_TLS, cluster);
  auto before = AddUnitSurveys(&plan, cluster, instances, {});
  for (std::size_t i = 0; i < rotation.rounds.size(); ++i) {
    const RoundWords& words = rotation.rounds.size() == 1 ? kNewCertificates : kNewAuthority[i];
    auto record =
        ControlStep(fmt::format("tls-{}", words.verb), words.title, kRecordTls, std::move(before));
    record.payload_json = StepJson(rotation.rounds[i]);
    const std::string round_step = record.id;
    plan.steps.push_back(std::move(record));
    TurnOptions options;
    options.max_parallel = rotation.max_parallel;
    options.accepts_load_restart = rotation.accepts_load_restart;
    options.describe = [&](const topology::Instance&, const pv1::TurnParams& turn,
                           engine::Step* step) {
      pv1::TlsTurn params;
      *params.mutable_turn() = turn;
      params.set_round_step(round_step);
      step->payload_json = StepJson(params);
    };
    before = AddTurns(&plan, instances, kRenewTls, words.verb, {round_step}, options);
  }
  return plan;
}

}  // namespace dmgr::operations

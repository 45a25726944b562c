#include "server/operations/rotate_tls/rotate_tls.h"

#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/clusters/cluster_tls.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/require.h"
#include "server/operations/rotate_tls/plan.h"

namespace dmgr::operations {
namespace {

pv1::TlsState StateOf(const topology::Tls& tls) {
  pv1::TlsState state;
  state.set_trusted(tls.trusted);
  state.set_issuer(tls.issuer);
  state.set_issue_time(tls.issue_time);
  state.set_sealed_tls(tls.sealed_secrets);
  return state;
}

pv1::TlsRound RoundOf(const pv1::TlsState& previous, const pv1::TlsState& next) {
  pv1::TlsRound round;
  *round.mutable_previous() = previous;
  *round.mutable_next() = next;
  return round;
}

// Both CAs are trusted, then the new one vouches, then it alone is trusted.
std::vector<pv1::TlsRound> OverToAnother(const pv1::TlsState& now, const pv1::TlsState& then) {
  pv1::TlsState trusting = now;
  trusting.set_trusted(now.trusted() + then.trusted());
  pv1::TlsState showing = then;
  showing.set_trusted(trusting.trusted());
  return {RoundOf(now, trusting), RoundOf(trusting, showing), RoundOf(showing, then)};
}

absl::StatusOr<std::vector<pv1::TlsRound>> RoundsOf(const Resources& resources,
                                                    const v1::RotateClusterTlsRequest& request,
                                                    const store::ClusterRecord& record) {
  store::ClusterRecord renewed = record;
  const pv1::TlsState now = StateOf(*record.cluster.tls);
  if (!request.new_authority() && !request.has_authority()) {
    RETURN_IF_ERROR(clusters::ReissueClusterTls(resources, &renewed));
    return std::vector<pv1::TlsRound>{RoundOf(now, StateOf(*renewed.cluster.tls))};
  }
  RETURN_IF_ERROR(clusters::MakeClusterTls(resources, request.authority(), &renewed));
  return OverToAnother(now, StateOf(*renewed.cluster.tls));
}

std::vector<const topology::Instance*> ThatShowOne(
    const std::vector<const topology::Instance*>& instances) {
  std::vector<const topology::Instance*> found;
  for (const auto* instance : instances) {
    if (instance->HasCertificate()) found.push_back(instance);
  }
  return found;
}

}  // namespace

absl::StatusOr<v1::Operation> RotateClusterTls(const Resources& resources,
                                               const v1::RotateClusterTlsRequest& request,
                                               const Caller& caller) {
  const HostRules hosts = {.needs_majority = true,
                           .behind = Behind::kIsRepaired,
                           .accepts_load_restart = request.accept_load_restart()};
  ChangeRules rules;
  rules.hosts = &hosts;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(RequireTls(subject.record));
    RETURN_IF_ERROR(RequireUp(subject.record));
    return RequireAllJoined(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    if (request.accept_load_restart()) return absl::OkStatus();
    return RequireNoLoad(
        resources, subject.record.cluster, ThatShowOne(subject.instances),
        MakeNextAction(v1::ACTION_ROTATE_CLUSTER_TLS, {{"cluster_name", request.cluster_name()}}));
  };
  rules.plan = [&](const Subject& subject) -> absl::StatusOr<engine::Plan> {
    TlsRotation rotation;
    ASSIGN_OR_RETURN(rotation.rounds, RoundsOf(resources, request, subject.record));
    rotation.max_parallel = request.max_parallel();
    rotation.accepts_load_restart = request.accept_load_restart();
    return PlanRotateTls(subject.record.cluster, ThatShowOne(subject.instances), rotation);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations

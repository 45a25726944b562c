#include "server/operations/switch_tls/switch_tls.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/clusters/checks.h"
#include "server/clusters/cluster_tls.h"
#include "server/clusters/host_before.h"
#include "server/clusters/record.h"
#include "server/members/rules.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/require.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/tls_state.h"
#include "server/operations/switch_tls/plan.h"
#include "server/topology/config_keys.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

absl::Status RequirePlain(const store::ClusterRecord& record) {
  if (record.cluster.tls == nullptr) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "TLS_ENABLED",
               "the processes of cluster {} speak TLS already", record.cluster.name)
      .With("cluster", record.cluster.name)
      .Remedy("nothing is to be done; or give them other certificates")
      .Next(v1::ACTION_ROTATE_CLUSTER_TLS, {{"cluster_name", record.cluster.name}});
}

// What a deploy of the same topology would refuse.
absl::Status CheckTopology(const topology::Cluster& cluster, bool on) {
  std::vector<topology::Problem> problems;
  for (const Instance& instance : cluster.instances) {
    if (!on && instance.config.fields().contains(std::string(topology::kAllowedNames))) {
      problems.push_back({fmt::format("config of {}", instance.name),
                          fmt::format("has {}, which nobody has a name for without TLS: take it "
                                      "out of the configuration first",
                                      topology::kAllowedNames)});
    }
    const auto& scraping = instance.monitoring.additional_scrape_conf().fields();
    for (const char* key : {"scheme", "tls_config"}) {
      if (!on || !scraping.contains(key)) continue;
      problems.push_back({fmt::format("additional_scrape_conf.{} of {}", key, instance.name),
                          "must not be given with TLS: take it out of the configuration first"});
    }
  }
  return problems.empty() ? absl::OkStatus() : clusters::InvalidTopology(problems);
}

// What cannot be copied would be lost.
absl::Status CheckLives(const Resources& resources, const topology::Cluster& cluster) {
  const auto members = resources.members->GetMembers(cluster, SteadyNow() + kAskTimeout, {});
  if (members.ok() && !members->leader_name.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DM_NOT_HEALTHY",
               "without a majority of its dm-masters nothing that cluster {} keeps can be taken "
               "along: {}",
               cluster.name,
               members.ok() ? "DM has no leader" : std::string(Message(members.status())))
      .With("cluster", cluster.name)
      .Remedy(members::UnlessElecting("bring the dm-masters up; a majority that is lost for good "
                                      "wants a rebuild"))
      .Next(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", cluster.name}})
      .Next(v1::ACTION_REBUILD_CLUSTER, {{"cluster_name", cluster.name}});
}

// What is DM's, and what asks it.
std::vector<const Instance*> Concerned(const std::vector<const Instance*>& instances) {
  std::vector<const Instance*> found;
  for (const auto* one : instances) {
    if (one->IsDm() || one->component == Component::kPrometheus) found.push_back(one);
  }
  return found;
}

// authority: of the CA to be; nullptr: TLS ends.
template <typename Request>
absl::StatusOr<v1::Operation> Switch(const Resources& resources, const Request& request,
                                     const Caller& caller, const v1::Authority* authority) {
  const bool on = authority != nullptr;
  const HostRules hosts = {.needs_majority = true,
                           .behind = Behind::kIsRepaired,
                           .accepts_load_restart = request.accept_load_restart()};
  pv1::TlsRound round;
  ChangeRules rules;
  rules.hosts = &hosts;
  rules.require = [&](const Subject& subject) -> absl::Status {
    const store::ClusterRecord& record = subject.record;
    RETURN_IF_ERROR(on ? RequirePlain(record) : RequireTls(record));
    RETURN_IF_ERROR(RequireUp(record));
    RETURN_IF_ERROR(RequireAllJoined(record));
    RETURN_IF_ERROR(RequireNoPending(record));
    RETURN_IF_ERROR(CheckTopology(record.cluster, on));
    store::ClusterRecord wanted = record;
    if (on) {
      RETURN_IF_ERROR(clusters::MakeClusterTls(resources, *authority, &wanted));
    } else {
      wanted.cluster.SetTls(nullptr);
    }
    *round.mutable_previous() = TlsStateOf(record.cluster);
    *round.mutable_next() = TlsStateOf(wanted.cluster);
    return clusters::CheckRender(resources, wanted);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const topology::Cluster& cluster = subject.record.cluster;
    RETURN_IF_ERROR(CheckLives(resources, cluster));
    const auto concerned = Concerned(subject.instances);
    std::map<std::string, clusters::HostBefore> own;
    for (const auto* one : concerned) {
      if (own.contains(one->machine_id)) continue;
      ASSIGN_OR_RETURN(own[one->machine_id],
                       clusters::LoadBefore(resources, cluster.name, one->machine_id));
    }
    RETURN_IF_ERROR(PreflightPaths(
        resources, cluster, concerned, [&](const std::vector<const Instance*>& here) {
          return NeedsOfSwitch(here, own.at(here.front()->machine_id), on);
        }));
    if (request.accept_load_restart()) return absl::OkStatus();
    return RequireNoLoad(
        resources, cluster, subject.instances,
        MakeNextAction(on ? v1::ACTION_ENABLE_CLUSTER_TLS : v1::ACTION_DISABLE_CLUSTER_TLS,
                       {{"cluster_name", cluster.name}}));
  };
  rules.plan = [&](const Subject& subject) {
    return PlanSwitchTls(subject.record.cluster, Concerned(subject.instances), round);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace

absl::StatusOr<v1::Operation> EnableClusterTls(const Resources& resources,
                                               const v1::EnableClusterTlsRequest& request,
                                               const Caller& caller) {
  return Switch(resources, request, caller, &request.authority());
}

absl::StatusOr<v1::Operation> DisableClusterTls(const Resources& resources,
                                                const v1::DisableClusterTlsRequest& request,
                                                const Caller& caller) {
  return Switch(resources, request, caller, nullptr);
}

}  // namespace dmgr::operations

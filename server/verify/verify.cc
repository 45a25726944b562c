#include "server/verify/verify.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "server/clusters/record.h"
#include "server/machines/access.h"
#include "server/members/last_reload.h"
#include "server/members/poll.h"
#include "server/verify/compare.h"
#include "server/verify/expected.h"
#include "server/verify/members.h"
#include "server/verify/targets.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::verify {
namespace {

using topology::Component;
using topology::Instance;

// Hosts, and as many Prometheus.
constexpr std::size_t kAtOnce = 32;
constexpr absl::Duration kPageTimeout = absl::Seconds(5);
// What a Prometheus reads goes through two turns of 5 s each before it is scraped (updatert of its
// discovery/manager.go, DiscoveryReloadInterval of its scrape/manager.go), and a turn that stops
// the scraping of an address that does not answer takes up to the scrape_timeout of 10 s.
constexpr absl::Duration kDiscovery = absl::Seconds(25);

// Everything that was asked, side by side.
struct Answers {
  std::vector<absl::StatusOr<hv1::SurveyReply>> hosts;
  absl::StatusOr<dm::Members> members = absl::UnknownError("not asked");
  std::vector<absl::StatusOr<std::string>> targets;
};

absl::StatusOr<hv1::SurveyReply> SurveyHost(const Resources& resources,
                                            const ExpectedHost& expected) {
  ASSIGN_OR_RETURN(const auto access, machines::LoadAccess(resources, expected.machine));
  host::CallOptions options;
  options.deadline = SteadyNow() + machines::kHostLookTimeout;
  ASSIGN_OR_RETURN(auto far_end, machines::OpenReader(resources, access, options.deadline));
  hv1::ToHost request;
  *request.mutable_survey() = SurveyFor(expected);
  ASSIGN_OR_RETURN(auto reply, far_end->Call(std::move(request), options));
  return std::move(*reply.mutable_survey());
}

// A Prometheus whose targets are asked for.
struct Monitor {
  const Instance* instance;
  // Its prometheus.yml by the record.
  std::string config;
};

// A Prometheus takes new targets, and lets old ones go, some seconds after it has read of them.
absl::StatusOr<std::string> TargetsOf(const Resources& resources, const topology::Cluster& cluster,
                                      const Monitor& monitor) {
  members::MemberSource& source = *resources.members;
  const auto metrics = source.Metrics(*monitor.instance, SteadyNow() + kPageTimeout, {});
  const auto read = metrics.ok() ? members::ReadLastReload(monitor.instance->component, *metrics)
                                 : metrics.status();
  const absl::Time known =
      read.ok() ? absl::UnixEpoch() + absl::Seconds(read->time) + kDiscovery : absl::InfinitePast();
  absl::StatusOr<std::string> page;
  const auto settled = [&]() -> absl::StatusOr<bool> {
    page = source.Page(*monitor.instance, kTargetsPage, SteadyNow() + kPageTimeout, {});
    return !page.ok() || HasItsTargets(cluster, *page, monitor.config);
  };
  members::PollUntil(
      std::min(known, SteadyNow() + kDiscovery), [] { return false; }, settled)
      .IgnoreError();
  return page;
}

Answers Ask(const Resources& resources, const topology::Cluster& cluster,
            const std::vector<ExpectedHost>& hosts, const std::vector<Monitor>& monitors) {
  Answers answers;
  answers.hosts.resize(hosts.size(), absl::UnknownError("not asked"));
  answers.targets.resize(monitors.size(), absl::UnknownError("not asked"));
  const absl::Time deadline = SteadyNow() + kPageTimeout;
  ThreadPool& threads = *resources.threads;
  threads.RunAll({[&] { answers.members = resources.members->GetMembers(cluster, deadline, {}); },
                  [&] {
                    threads.ForEach(hosts.size(), kAtOnce, [&](std::size_t i) {
                      answers.hosts[i] = SurveyHost(resources, hosts[i]);
                    });
                  },
                  [&] {
                    threads.ForEach(monitors.size(), kAtOnce, [&](std::size_t i) {
                      answers.targets[i] = TargetsOf(resources, cluster, monitors[i]);
                    });
                  }});
  return answers;
}

void CompareHosts(const std::vector<ExpectedHost>& hosts, const Answers& answers,
                  Findings* findings) {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const Subject subject{.machine = hosts[i].machine};
    const auto& answer = answers.hosts[i];
    if (!answer.ok()) {
      const std::string why(Message(answer.status()));
      findings->Add(v1::DIFFERENCE_KIND_HOST_UNREACHABLE, subject, "an answer", why, why);
    } else if (!CompareHost(hosts[i], *answer, findings)) {
      findings->Add(v1::DIFFERENCE_KIND_HOST_UNREACHABLE, subject, "an answer",
                    "another answer than was asked for",
                    "the host answers something else than was asked");
    }
  }
}

// Its rendered prometheus.yml.
std::string ConfigOf(const render::RenderedInstance& rendered) {
  for (const auto& file : rendered.files) {
    if (file.path.ends_with("/conf/prometheus.yml")) return file.content;
  }
  return {};
}

// Files are not compared: dmgr has not made them.
std::vector<v1::Difference> ForeignDifferences(const Resources& resources,
                                               const topology::Cluster& cluster) {
  std::vector<ExpectedHost> hosts;
  for (const auto& machine : cluster.MachineIds()) {
    hosts.push_back(ExpectForeignOn(cluster, machine));
  }
  const Answers answers = Ask(resources, cluster, hosts, {});
  Findings findings(cluster.name, /*may_repair=*/false);
  CompareHosts(hosts, answers, &findings);
  CompareMembers(cluster, answers.members, &findings);
  return findings.differences();
}

absl::Status RequireDeployed(const store::ClusterRecord& record) {
  if (record.state != v1::CLUSTER_STATE_DEPLOYING && record.state != v1::CLUSTER_STATE_DESTROYING) {
    return absl::OkStatus();
  }
  Error error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_DEPLOYED",
              "cluster {} {}: there is nothing yet, or no longer, to compare its hosts with",
              record.cluster.name,
              record.state == v1::CLUSTER_STATE_DEPLOYING ? "is not deployed to its end"
                                                          : "is being destroyed");
  error.With("cluster", record.cluster.name);
  if (record.active_operation_id.empty()) {
    return error.Remedy("destroy it")
        .Next(v1::ACTION_DESTROY_CLUSTER, {{"cluster_name", record.cluster.name}});
  }
  return error.Remedy("see what its operation does")
      .Next(v1::ACTION_GET_OPERATION, {{"operation_id", record.active_operation_id}});
}

}  // namespace

absl::StatusOr<std::vector<v1::Difference>> DifferencesOf(const Resources& resources,
                                                          const store::ClusterRecord& record,
                                                          const std::set<std::string>& without) {
  if (record.origin == v1::CLUSTER_ORIGIN_TIUP) {
    return ForeignDifferences(resources, record.cluster);
  }
  // What a scale-out has not joined to its end is no part of it yet, on no host.
  store::ClusterRecord joined = record;
  joined.cluster = topology::MembersOf(record.cluster);
  const topology::Cluster& cluster = joined.cluster;
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
  ASSIGN_OR_RETURN(const auto package, warehouse::LoadPackage(resources, cluster.version));
  std::map<std::string, render::RenderedInstance> rendered;
  for (const auto& instance : cluster.instances) {
    ASSIGN_OR_RETURN(rendered[instance.name],
                     clusters::RenderOne(resources, joined, instance, files));
  }
  const Sources sources{.record = &joined, .package = &package, .rendered = &rendered};
  std::vector<ExpectedHost> hosts;
  for (const auto& machine : cluster.MachineIds()) {
    if (without.contains(machine)) continue;
    ASSIGN_OR_RETURN(const auto before, clusters::LoadBefore(resources, cluster.name, machine));
    hosts.push_back(ExpectOn(sources, machine, before));
  }
  std::vector<Monitor> monitors;
  for (const auto* one : cluster.Of(Component::kPrometheus)) {
    if (IsToRun(*one)) monitors.push_back({one, ConfigOf(rendered[one->name])});
  }
  const Answers answers = Ask(resources, cluster, hosts, monitors);
  Findings findings(cluster.name);
  CompareHosts(hosts, answers, &findings);
  CompareMembers(record.cluster, answers.members, &findings);
  for (std::size_t i = 0; i < monitors.size(); ++i) {
    CompareTargets(cluster, *monitors[i].instance, answers.targets[i], monitors[i].config,
                   &findings);
  }
  return findings.differences();
}

absl::StatusOr<v1::VerifyClusterResponse> VerifyCluster(const Resources& resources,
                                                        const std::string& cluster_name) {
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, cluster_name));
  RETURN_IF_ERROR(RequireDeployed(record));
  RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
  ASSIGN_OR_RETURN(const auto differences, DifferencesOf(resources, record));
  v1::VerifyClusterResponse response;
  response.set_cluster_name(record.cluster.name);
  response.set_version(record.cluster.version);
  response.set_state(record.state);
  response.mutable_observe_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  response.set_matches(differences.empty());
  response.set_active_operation_id(record.active_operation_id);
  *response.mutable_differences() = {differences.begin(), differences.end()};
  const auto next = NextActionsOf(differences);
  *response.mutable_next_actions() = {next.begin(), next.end()};
  return response;
}

}  // namespace dmgr::verify

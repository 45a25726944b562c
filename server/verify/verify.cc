#include "server/verify/verify.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/clusters/record.h"
#include "server/machines/access.h"
#include "server/members/poll.h"
#include "server/verify/compare.h"
#include "server/verify/expected.h"
#include "server/verify/members.h"
#include "server/verify/targets.h"

namespace dmgr::verify {
namespace {

using topology::Component;
using topology::Instance;

// Hosts, and as many Prometheus.
constexpr std::size_t kAtOnce = 32;
constexpr absl::Duration kPageTimeout = absl::Seconds(5);
constexpr absl::Duration kDiscovery = absl::Seconds(15);

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
  options.deadline = absl::Now() + machines::kHostLookTimeout;
  ASSIGN_OR_RETURN(auto far_end, machines::OpenReader(resources, access, options.deadline));
  hv1::ToHost request;
  *request.mutable_survey() = SurveyFor(expected);
  ASSIGN_OR_RETURN(auto reply, far_end->Call(std::move(request), options));
  return std::move(*reply.mutable_survey());
}

// Those whose targets are asked for.
std::vector<const Instance*> RunningPrometheus(const topology::Cluster& cluster) {
  auto all = cluster.Of(Component::kPrometheus);
  std::erase_if(all, [](const Instance* one) { return !IsToRun(*one); });
  return all;
}

// A Prometheus finds its targets some seconds after its start.
absl::StatusOr<std::string> TargetsOf(const Resources& resources, const Instance& prometheus) {
  members::MemberSource& source = *resources.members;
  const auto started = source.StartTime(prometheus, absl::Now() + kPageTimeout, {});
  const absl::Time found = started.ok() ? *started + kDiscovery : absl::InfinitePast();
  absl::StatusOr<std::string> page;
  const absl::Status waited = members::PollUntil(
      std::min(found, absl::Now() + kDiscovery), [] { return false; },
      [&]() -> absl::StatusOr<bool> {
        page = source.Page(prometheus, kTargetsPage, absl::Now() + kPageTimeout, {});
        return !page.ok() || HasTargets(*page);
      });
  waited.IgnoreError();
  return page;
}

Answers Ask(const Resources& resources, const topology::Cluster& cluster,
            const std::vector<ExpectedHost>& hosts) {
  const auto monitors = RunningPrometheus(cluster);
  Answers answers;
  answers.hosts.resize(hosts.size(), absl::UnknownError("not asked"));
  answers.targets.resize(monitors.size(), absl::UnknownError("not asked"));
  const absl::Time deadline = absl::Now() + kPageTimeout;
  ThreadPool& threads = *resources.threads;
  threads.RunAll({[&] { answers.members = resources.members->GetMembers(cluster, deadline, {}); },
                  [&] {
                    threads.ForEach(hosts.size(), kAtOnce, [&](std::size_t i) {
                      answers.hosts[i] = SurveyHost(resources, hosts[i]);
                    });
                  },
                  [&] {
                    threads.ForEach(monitors.size(), kAtOnce, [&](std::size_t i) {
                      answers.targets[i] = TargetsOf(resources, *monitors[i]);
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
                                                          const store::ClusterRecord& record) {
  // What a scale-out has not joined to its end is no part of it yet, on no host.
  store::ClusterRecord joined = record;
  joined.cluster = topology::MembersOf(record.cluster);
  const topology::Cluster& cluster = joined.cluster;
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
  ASSIGN_OR_RETURN(const auto package, clusters::LoadPackage(resources, cluster.version));
  std::map<std::string, render::RenderedInstance> rendered;
  for (const auto& instance : cluster.instances) {
    ASSIGN_OR_RETURN(rendered[instance.name],
                     clusters::RenderOne(resources, joined, instance, files));
  }
  const Sources sources{.record = &joined, .package = &package, .rendered = &rendered};
  std::vector<ExpectedHost> hosts;
  for (const auto& machine : cluster.MachineIds()) {
    ASSIGN_OR_RETURN(const auto before, clusters::LoadBefore(resources, cluster.name, machine));
    hosts.push_back(ExpectOn(sources, machine, before));
  }
  const Answers answers = Ask(resources, cluster, hosts);
  Findings findings(cluster.name);
  CompareHosts(hosts, answers, &findings);
  CompareMembers(record.cluster, answers.members, &findings);
  const auto monitors = RunningPrometheus(cluster);
  for (std::size_t i = 0; i < monitors.size(); ++i) {
    CompareTargets(cluster, *monitors[i], answers.targets[i], ConfigOf(rendered[monitors[i]->name]),
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

#include "server/status/status.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "common/enum_words.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/certificates/cluster.h"
#include "server/clusters/evidence.h"
#include "server/clusters/record.h"
#include "server/diagnosis/diagnosis.h"
#include "server/machines/access.h"
#include "server/members/probe.h"
#include "server/status/ghosts.h"
#include "server/store/cluster_store.h"
#include "server/store/leftover_store.h"
#include "server/topology/topology.h"

namespace dmgr::status {
namespace {

namespace hv1 = ::dmgr::host::v1;
using topology::Component;
using topology::Instance;

// What one host says of the cluster's instances there.
struct HostAnswer {
  // By unit.
  std::map<std::string, hv1::UnitState> units;
  // The logs of those that have ended or end again and again, since they were last started.
  hv1::NewLogs logs;
  // Of the directories of all.
  hv1::Space space;
};
using HostAnswerOr = absl::StatusOr<HostAnswer>;

// Hosts, and as many instances.
constexpr std::size_t kAtOnce = 32;
constexpr absl::Duration kProbeTimeout = absl::Milliseconds(2500);
// Of each log.
constexpr std::uint32_t kMaxLogBytes = 16U << 10;

// It should run, and does not.
bool HasEnded(const hv1::UnitState& unit) {
  return unit.active_state() == "failed" || unit.sub_state() == "auto-restart";
}

// Why instances do not run, as far as the host tells in time.
void AskWhy(host::FarEnd* far_end, const std::vector<const Instance*>& instances,
            const host::CallOptions& options, HostAnswer* answer) {
  hv1::ToHost request;
  auto* batch = request.mutable_batch();
  auto* space = batch->add_requests()->mutable_get_space();
  auto* logs = batch->add_requests()->mutable_read_new_logs();
  logs->set_max_bytes(kMaxLogBytes);
  for (const auto* instance : instances) {
    for (const auto& directory : clusters::DirectoriesOf(*instance)) {
      space->add_paths(directory.path);
    }
    const auto unit = answer->units.find(instance->Unit());
    if (unit == answer->units.end() || !HasEnded(unit->second)) continue;
    auto* source = logs->add_sources();
    source->set_unit(instance->Unit());
    for (const auto& path : clusters::LogPathsOf(*instance)) source->add_files()->set_path(path);
  }
  auto reply = far_end->Call(std::move(request), options);
  if (!reply.ok()) return;
  for (auto& one : *reply->mutable_batch()->mutable_replies()) {
    if (one.has_space()) answer->space = std::move(*one.mutable_space());
    if (one.has_new_logs()) answer->logs = std::move(*one.mutable_new_logs());
  }
}

HostAnswerOr QueryHost(const Resources& resources, const topology::Cluster& cluster,
                       const std::string& machine, absl::Time deadline) {
  ASSIGN_OR_RETURN(auto access, machines::LoadAccess(resources, machine));
  ASSIGN_OR_RETURN(auto far_end, machines::OpenReader(resources, access, deadline));
  const auto instances = cluster.OnMachine(machine);
  hv1::ToHost request;
  for (const auto* instance : instances) {
    request.mutable_query_units()->add_units(instance->Unit());
  }
  host::CallOptions options;
  options.deadline = deadline;
  ASSIGN_OR_RETURN(auto reply, far_end->Call(std::move(request), options));
  HostAnswer answer;
  for (const auto& unit : reply.unit_states().units()) answer.units[unit.unit()] = unit;
  AskWhy(far_end.get(), instances, options, &answer);
  return answer;
}

// Everything that was asked, side by side.
struct Answers {
  std::map<std::string, HostAnswerOr> hosts;
  absl::StatusOr<dm::Members> members = absl::UnknownError("not asked");
  std::vector<members::HttpHealth> health;            // in the order of the instances
  std::map<std::string, members::HttpHealth> shared;  // what is borrowed, by name
};

Answers Ask(const Resources& resources, const topology::Cluster& cluster) {
  const absl::Time deadline = SteadyNow() + kProbeTimeout;
  Answers answers;
  const std::vector<std::string> machines = cluster.MachineIds();
  std::vector<HostAnswerOr> hosts(machines.size(), absl::UnknownError("not asked"));
  answers.health.resize(cluster.instances.size());
  for (const Instance& shared : cluster.borrowed) answers.shared[shared.name];
  ThreadPool& threads = *resources.threads;
  threads.RunAll({[&] { answers.members = resources.members->GetMembers(cluster, deadline, {}); },
                  [&] {
                    threads.ForEach(hosts.size(), kAtOnce, [&](std::size_t i) {
                      hosts[i] = QueryHost(resources, cluster, machines[i], deadline);
                    });
                  },
                  [&] {
                    threads.ForEach(answers.health.size(), kAtOnce, [&](std::size_t i) {
                      answers.health[i] = resources.members->Probe(cluster.instances[i], deadline);
                    });
                  },
                  [&] {
                    threads.ForEach(cluster.borrowed.size(), kAtOnce, [&](std::size_t i) {
                      const Instance& shared = cluster.borrowed[i];
                      answers.shared.at(shared.name) = resources.members->Probe(shared, deadline);
                    });
                  }});
  for (std::size_t i = 0; i < machines.size(); ++i) answers.hosts.emplace(machines[i], hosts[i]);
  return answers;
}

void AddReason(v1::InstanceStatus* status, const std::string& reason) {
  if (reason.empty() || !status->reason().empty()) return;
  status->set_reason(reason);
  status->set_healthy(false);
}

void FillUnit(const Instance& instance, const HostAnswerOr& host, v1::InstanceStatus* status) {
  if (!host.ok()) {
    status->set_state(v1::INSTANCE_STATE_UNREACHABLE);
    status->set_state_text("unreachable");
    AddReason(status, std::string(Message(host.status())));
    return;
  }
  auto it = host->units.find(instance.Unit());
  if (it == host->units.end() || !it->second.loaded()) {
    status->set_state(v1::INSTANCE_STATE_NOT_INSTALLED);
    status->set_state_text("not installed");
    AddReason(status, instance.Unit() + " is not there");
    return;
  }
  const hv1::UnitState& unit = it->second;
  status->set_state(FromWord<v1::InstanceState>(unit.active_state()));
  status->set_state_text(unit.active_state() + "/" + unit.sub_state());
  status->set_restarts(unit.restarts());
  status->set_enabled(unit.enabled());
  *status->mutable_uptime() = google::protobuf::util::TimeUtil::SecondsToDuration(
      static_cast<std::int64_t>(unit.uptime_ms() / 1000));
  if (unit.active_state() == "active") return;
  const std::string state = fmt::format("{} is {} (last exit status {})", instance.Unit(),
                                        status->state_text(), unit.exit_status());
  const auto diagnosis = diagnosis::Explain(
      clusters::EvidenceOf(instance, host->logs, host->space, unit.exit_status()));
  const bool is_told = HasEnded(unit) && !diagnosis.is_silent;
  AddReason(status, is_told ? diagnosis.cause + "; " + state : state);
}

// A directory without room is the cause of whatever else is wrong, and of what will be.
void FillSpace(const Instance& instance, const HostAnswerOr& host, v1::InstanceStatus* status,
               v1::GetClusterStatusResponse* response) {
  if (!host.ok()) return;
  const std::string full = diagnosis::FullDirectory(
      clusters::EvidenceOf(instance, host->logs, host->space, 0).directories);
  if (full.empty() || status->reason().find(full) != std::string::npos) return;
  if (status->reason().empty()) {
    response->add_warnings(fmt::format("{} on {}: {}", instance.name, instance.host, full));
  } else {
    status->set_reason(full + "; " + status->reason());
  }
}

void FillMember(const Instance& instance, const absl::StatusOr<dm::Members>& members,
                v1::InstanceStatus* status) {
  if (!instance.IsDm()) return;
  if (!members.ok()) {
    AddReason(status, std::string(Message(members.status())));
    return;
  }
  AddReason(status, members::MemberProblem(instance, *members));
  if (instance.component == Component::kDmMaster) {
    status->set_leader(members->leader_name == instance.name);
    if (const dm::Master* master = members->FindMaster(instance.name)) {
      status->set_stage(master->alive ? v1::STAGE_ALIVE : v1::STAGE_NOT_ALIVE);
      status->set_stage_text(master->alive ? "alive" : "not alive");
    }
    return;
  }
  if (const dm::Worker* worker = members->FindWorker(instance.name)) {
    status->set_stage(FromWord<v1::Stage>(worker->stage));
    status->set_stage_text(worker->stage);
    status->set_source(worker->source);
  }
}

// Where a host may be gone for good.
void AddMoves(const store::ClusterRecord& record, const Answers& answers,
              v1::GetClusterStatusResponse* response) {
  // Who joins must find the cluster running, and free.
  if (record.state == v1::CLUSTER_STATE_OFFLINE || !record.active_operation_id.empty()) return;
  for (const auto& machine : record.cluster.MachineIds()) {
    if (!absl::IsUnavailable(answers.hosts.at(machine).status())) continue;
    *response->add_next_actions() = MakeNextAction(
        v1::ACTION_MOVE_MACHINE,
        {{"cluster_name", record.cluster.name}, {"from_machine_id", machine}, {"force", "true"}});
  }
}

// What another cluster runs for this one too: shown, and no part of this one's health.
void AddShared(const Instance& shared, const Answers& answers,
               v1::GetClusterStatusResponse* response) {
  const auto health = answers.shared.find(shared.name);
  auto* status = response->add_instances();
  status->set_name(shared.name);
  status->set_component(FromWord<v1::Component>(topology::Name(shared.component)));
  status->set_host(shared.host);
  status->set_port(static_cast<std::uint32_t>(shared.port));
  status->set_unit(shared.Unit());
  status->set_state_text("shared with another cluster");
  status->mutable_uptime();
  status->set_version(health->second.version);
  status->set_healthy(true);
  if (!health->second.ready) AddReason(status, health->second.reason);
}

// What was given up with a lost master key, and not given again.
void AddForgotten(const store::ClusterRecord& record, v1::GetClusterStatusResponse* response) {
  const std::string& name = record.cluster.name;
  if (record.secrets_forgotten) {
    response->add_warnings(
        "what is secret in its configuration was given up with a lost master key: nothing can be "
        "written for its monitoring before its topology is given again");
    *response->add_next_actions() =
        MakeNextAction(v1::ACTION_UPDATE_CLUSTER_TOPOLOGY, {{"cluster_name", name}});
  }
  if (record.sealed_private_key.empty()) {
    response->add_warnings("its own SSH key was given up with a lost master key");
    *response->add_next_actions() =
        MakeNextAction(v1::ACTION_ROTATE_CLUSTER_KEY, {{"cluster_name", name}});
  }
}

void AddTls(const topology::Cluster& cluster, absl::Time now,
            v1::GetClusterStatusResponse* response) {
  if (cluster.tls == nullptr) return;
  const absl::Time end = certificates::EndOf(*cluster.tls);
  v1::TlsStatus& tls = *response->mutable_tls();
  tls.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(end));
  tls.mutable_issue_time()->set_seconds(cluster.tls->issue_time);
  tls.set_issuer(certificates::IssuerOf(*cluster.tls));
  if (cluster.tls->sealed_secrets.empty()) {
    response->add_warnings(
        "the key of its CA was given up with a lost master key: its processes "
        "answer over TLS only, which dmgrd cannot speak with them any more");
  }
  if (now + certificates::kTellBefore < end) return;
  response->add_warnings(fmt::format("its certificates {} on {}", end < now ? "ended" : "end",
                                     absl::FormatTime("%Y-%m-%d", end, absl::UTCTimeZone())));
}

}  // namespace

absl::StatusOr<v1::GetClusterStatusResponse> ProbeCluster(const Resources& resources,
                                                          const std::string& cluster_name) {
  store::ClusterRecord record;
  std::vector<store::LeftoverRecord> leftovers;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetCluster(tx, cluster_name));
    ASSIGN_OR_RETURN(leftovers, store::ListLeftovers(tx));
    return absl::OkStatus();
  }));
  // Where they serve their pages is in there.
  RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
  // Those that were added later stand with their kind.
  std::stable_sort(record.cluster.instances.begin(), record.cluster.instances.end(),
                   [](const Instance& a, const Instance& b) { return a.component < b.component; });
  const topology::Cluster& cluster = record.cluster;
  const Answers answers = Ask(resources, cluster);

  v1::GetClusterStatusResponse response;
  response.set_cluster_name(cluster.name);
  response.set_version(cluster.version);
  response.set_state(record.state);
  response.set_active_operation_id(record.active_operation_id);
  response.mutable_behind_machines()->Assign(record.behind.begin(), record.behind.end());
  AddForgotten(record, &response);
  AddTls(cluster, absl::Now(), &response);
  if (!record.behind.empty()) {
    *response.add_next_actions() =
        MakeNextAction(v1::ACTION_REPAIR_CLUSTER, {{"cluster_name", cluster.name}});
  }
  AddMoves(record, answers, &response);
  response.mutable_observe_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  int leaders = 0;
  bool healthy = true;
  for (std::size_t i = 0; i < cluster.instances.size(); ++i) {
    const Instance& instance = cluster.instances[i];
    auto* status = response.add_instances();
    status->set_name(instance.name);
    status->set_component(FromWord<v1::Component>(topology::Name(instance.component)));
    status->set_host(instance.host);
    status->set_port(static_cast<std::uint32_t>(instance.port));
    status->set_unit(instance.Unit());
    status->set_deploy_dir(instance.deploy_dir);
    status->set_data_dir(instance.data_dir);
    status->set_version(answers.health[i].version);
    status->set_reload_pending(clusters::AwaitsReload(record, instance.name));
    status->set_patch_id(instance.patch);
    status->mutable_uptime();
    status->set_healthy(true);
    FillUnit(instance, answers.hosts.at(instance.machine_id), status);
    FillMember(instance, answers.members, status);
    if (!answers.health[i].ready) AddReason(status, answers.health[i].reason);
    FillSpace(instance, answers.hosts.at(instance.machine_id), status, &response);
    leaders += status->leader() ? 1 : 0;
    if (instance.membership == topology::Membership::kJoining) {
      response.add_warnings(instance.name + " is being added, and not part of the cluster yet");
    } else {
      healthy = healthy && status->healthy();
    }
    if (instance.component == Component::kGrafana && response.grafana_url().empty()) {
      const auto root_url = instance.config.fields().find("server.root_url");
      response.set_grafana_url(root_url == instance.config.fields().end()
                                   ? "http://" + instance.NodeId()
                                   : root_url->second.string_value());
    }
  }
  for (const Instance& shared : cluster.borrowed) AddShared(shared, answers, &response);
  response.set_healthy(healthy && leaders == 1);
  AddGhosts(record, answers.members, leftovers, &response);
  if (!record.needs_reload.empty()) {
    response.add_warnings(fmt::format("{} instance{} for a reload of their configuration",
                                      record.needs_reload.size(),
                                      record.needs_reload.size() == 1 ? " waits" : "s wait"));
  }
  return response;
}

}  // namespace dmgr::status

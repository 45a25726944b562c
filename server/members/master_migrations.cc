#include "server/members/master_migrations.h"

#include <utility>

#include "common/error.h"
#include "server/members/probe.h"
#include "server/members/tls.h"

namespace dmgr::members {
namespace {

// As the record names the dm-worker that DM names so.
std::string RecordName(const topology::Cluster& cluster, const std::string& dm_name) {
  for (const auto* worker : cluster.Of(topology::Component::kDmWorker)) {
    if (worker->DmName() == dm_name) return worker->name;
  }
  return dm_name;
}

absl::StatusOr<dm::SourceAnswers> Renamed(const topology::Cluster& cluster,
                                          absl::StatusOr<dm::SourceAnswers> answers) {
  if (!answers.ok()) return answers;
  for (auto& answer : *answers) answer.worker = RecordName(cluster, answer.worker);
  return answers;
}

}  // namespace

dm::MasterClient MasterMigrations::ClientOf(const Cluster& cluster) const {
  return dm::MasterClient(MasterAddresses(cluster), MaterialOf(cluster.tls.get(), secrets_));
}

dm::KeyStore MasterMigrations::KeysOf(const Cluster& cluster) const {
  return dm::KeyStore(MasterAddresses(cluster), MaterialOf(cluster.tls.get(), secrets_));
}

absl::StatusOr<dm::SourceAnswer> MasterMigrations::CreateSource(const Cluster& cluster,
                                                                const std::string& config,
                                                                const std::string& worker,
                                                                const dm::Within& within) {
  ASSIGN_OR_RETURN(auto answer,
                   ClientOf(cluster).CreateSource(config, topology::DmNameOf(worker), within));
  answer.worker = RecordName(cluster, answer.worker);
  return answer;
}

absl::Status MasterMigrations::UpdateSource(const Cluster& cluster, const std::string& config,
                                            const dm::Within& within) {
  return ClientOf(cluster).UpdateSource(config, within);
}

absl::Status MasterMigrations::StopSource(const Cluster& cluster, const std::string& source,
                                          const dm::Within& within) {
  return ClientOf(cluster).StopSource(source, within);
}

absl::StatusOr<dm::SourceAnswers> MasterMigrations::ListSources(const Cluster& cluster,
                                                                const dm::Within& within) {
  return Renamed(cluster, ClientOf(cluster).ListSources(within));
}

absl::Status MasterMigrations::BindSource(const Cluster& cluster, const std::string& source,
                                          const std::string& worker, const dm::Within& within) {
  return ClientOf(cluster).TransferSource(source, topology::DmNameOf(worker), within);
}

absl::Status MasterMigrations::SetRelay(const Cluster& cluster, const std::string& source,
                                        const std::vector<std::string>& workers, bool enabled,
                                        const dm::Within& within) {
  std::vector<std::string> names;
  for (const auto& worker : workers) names.push_back(topology::DmNameOf(worker));
  auto client = ClientOf(cluster);
  return enabled ? client.StartRelay(source, names, within)
                 : client.StopRelay(source, names, within);
}

absl::Status MasterMigrations::PurgeRelay(const Cluster& cluster,
                                          const pb::PurgeWorkerRelayRequest& request,
                                          const dm::Within& within) {
  return ClientOf(cluster).PurgeRelay(request, within);
}

absl::StatusOr<std::string> MasterMigrations::GetConfig(const Cluster& cluster, pb::CfgType type,
                                                        const std::string& name,
                                                        const dm::Within& within) {
  return ClientOf(cluster).GetConfig(type, name, within);
}

absl::StatusOr<dm::CheckResult> MasterMigrations::CheckTask(const Cluster& cluster,
                                                            const pb::CheckTaskRequest& request,
                                                            const dm::Within& within) {
  return ClientOf(cluster).CheckTask(request, within);
}

absl::StatusOr<dm::StartedTask> MasterMigrations::StartTask(const Cluster& cluster,
                                                            const pb::StartTaskRequest& request,
                                                            const dm::Within& within) {
  ASSIGN_OR_RETURN(auto started, ClientOf(cluster).StartTask(request, within));
  for (auto& answer : started.sources) answer.worker = RecordName(cluster, answer.worker);
  return started;
}

absl::StatusOr<dm::SourceAnswers> MasterMigrations::PauseTask(const Cluster& cluster,
                                                              const std::string& task,
                                                              const dm::Within& within) {
  return Renamed(cluster, ClientOf(cluster).PauseTask(task, {}, within));
}

absl::StatusOr<dm::SourceAnswers> MasterMigrations::ResumeTask(const Cluster& cluster,
                                                               const std::string& task,
                                                               const dm::Within& within) {
  return Renamed(cluster, ClientOf(cluster).ResumeTask(task, {}, within));
}

absl::StatusOr<dm::SourceAnswers> MasterMigrations::DeleteTask(const Cluster& cluster,
                                                               const std::string& task,
                                                               const dm::Within& within) {
  return Renamed(cluster, ClientOf(cluster).DeleteTask(task, {}, within));
}

absl::StatusOr<pb::QueryStatusListResponse> MasterMigrations::QueryStatus(
    const Cluster& cluster, const std::string& task, const dm::Within& within) {
  ASSIGN_OR_RETURN(auto status, ClientOf(cluster).QueryStatus(task, {}, within));
  for (auto& source : *status.mutable_sources()) {
    if (!source.has_source_status()) continue;
    auto* of_source = source.mutable_source_status();
    of_source->set_worker(RecordName(cluster, of_source->worker()));
  }
  return status;
}

absl::StatusOr<dm::KeysCopy> MasterMigrations::CopyKeys(const Cluster& cluster,
                                                        const dm::Within& within) {
  return KeysOf(cluster).Copy(within);
}

absl::Status MasterMigrations::PutKeysBack(const Cluster& cluster, const dm::KeysCopy& copy,
                                           const dm::Within& within) {
  return KeysOf(cluster).PutBack(copy, within);
}

}  // namespace dmgr::members

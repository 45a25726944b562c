#include "server/clusters/record.h"

#include <algorithm>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "common/secret.h"
#include "server/clusters/cluster_tls.h"
#include "server/clusters/desired.h"
#include "server/clusters/workspace.h"

namespace dmgr::clusters {

namespace {

constexpr std::size_t kPasswordSize = 16;

absl::Status OptionsShown(const Resources& resources, store::ClusterRecord* record) {
  std::vector<topology::Problem> problems;
  ASSIGN_OR_RETURN(const auto shown,
                   ExpandChanged(resources, *record, record->topology, &problems));
  // What is left out may be what a rule asks for: then the options stay empty.
  if (problems.empty()) topology::SetOptions(topology::OptionsOf(shown), &record->cluster);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<store::ClusterRecord> FindCluster(const Resources& resources,
                                                 const std::string& name) {
  store::ClusterRecord record;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetCluster(tx, name));
    return absl::OkStatus();
  }));
  BringClusterDirHome(ClusterDir(record.cluster.cluster_path, record.cluster.name),
                      record.cluster.uuid);
  return record;
}

void RenewSecrets(const Resources& resources, store::ClusterRecord* record) {
  record->secrets_forgotten = false;
  record->sealed_grafana_password = resources.secrets->Seal(HexEncode(RandomBytes(kPasswordSize)),
                                                            GrafanaContext(record->cluster.uuid));
}

void SealOptions(const Resources& resources, store::ClusterRecord* record) {
  record->sealed_options =
      resources.secrets->Seal(topology::OptionsOf(record->cluster).SerializeAsString(),
                              OptionsContext(record->cluster.uuid));
}

absl::Status OpenOptions(const Resources& resources, store::ClusterRecord* record) {
  if (record->secrets_forgotten) return OptionsShown(resources, record);
  if (record->sealed_options.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      std::string opened,
      resources.secrets->Open(record->sealed_options, OptionsContext(record->cluster.uuid)));
  const WipeAtEnd wiped(&opened);
  v1::Topology options;
  if (!options.ParseFromString(opened)) {
    return Error(absl::StatusCode::kDataLoss, "OPTIONS_UNREADABLE",
                 "the stored options of cluster {} cannot be read", record->cluster.name)
        .With("cluster", record->cluster.name);
  }
  topology::SetOptions(options, &record->cluster);
  return absl::OkStatus();
}

absl::StatusOr<HostBefore> LoadBefore(const Resources& resources, const std::string& cluster,
                                      const std::string& machine_id) {
  std::vector<store::HostRecord> records;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(records, store::ListHostRecords(tx, cluster));
    return absl::OkStatus();
  }));
  for (const auto& record : records) {
    if (record.machine_id == machine_id) return HostBeforeFromJson(record.before_json);
  }
  return Error(absl::StatusCode::kNotFound, "HOST_NOT_SURVEYED",
               "machine {} has no record of what was there before cluster {}", machine_id, cluster)
      .With("machine", machine_id)
      .With("cluster", cluster);
}

bool AwaitsReload(const store::ClusterRecord& record, const std::string& instance) {
  const auto& waiting = record.needs_reload;
  return std::find(waiting.begin(), waiting.end(), instance) != waiting.end();
}

std::string GrafanaContext(const std::string& cluster_uuid) { return "grafana:" + cluster_uuid; }

std::string OptionsContext(const std::string& cluster_uuid) { return "options:" + cluster_uuid; }

std::string PendingContext(const std::string& cluster_uuid) {
  return "pending-topology:" + cluster_uuid;
}

std::string RestoreContext(const std::string& operation_id) { return "reload:" + operation_id; }

std::string ClusterKeyContext(const std::string& cluster_uuid) {
  return "cluster-key:" + cluster_uuid;
}

std::string ClusterTree(const store::ClusterRecord& record) {
  return ClusterDir(record.cluster.cluster_path, record.cluster.name) + "/" +
         record.cluster.version;
}

absl::Status CheckSecrets(const store::ClusterRecord& record, const topology::Instance& instance) {
  if (!record.secrets_forgotten || instance.IsDm()) return absl::OkStatus();
  const std::string& name = record.cluster.name;
  return Error(absl::StatusCode::kFailedPrecondition, "SECRETS_FORGOTTEN",
               "what is secret in the configuration of {} of cluster {} was given up with a lost "
               "master key",
               instance.name, name)
      .With("cluster", name)
      .Remedy("give the topology again, with all that is secret in it, and reload")
      .Next(v1::ACTION_UPDATE_CLUSTER_TOPOLOGY, {{"cluster_name", name}});
}

absl::StatusOr<render::RenderedInstance> RenderOne(const Resources& resources,
                                                   const store::ClusterRecord& record,
                                                   const topology::Instance& instance,
                                                   const render::PackageFiles& files) {
  RETURN_IF_ERROR(CheckSecrets(record, instance));
  render::RenderInput input;
  const WipeAtEnd wiped(&input.grafana_password);
  const WipeAtEnd wiped_key(&input.certificates.key);
  input.cluster = &record.cluster;
  input.instance = &instance;
  input.package = &files;
  if (instance.component == topology::Component::kDmMaster) {
    input.join = topology::JoinAddresses(record.cluster, instance);
  }
  if (instance.component == topology::Component::kGrafana) {
    ASSIGN_OR_RETURN(input.grafana_password,
                     resources.secrets->Open(record.sealed_grafana_password,
                                             GrafanaContext(record.cluster.uuid)));
  }
  ASSIGN_OR_RETURN(input.certificates, CertificatesFor(resources, record.cluster, instance));
  return render::Render(input);
}

}  // namespace dmgr::clusters

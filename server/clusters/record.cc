#include "server/clusters/record.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/error.h"
#include "server/clusters/workspace.h"
#include "server/operations/plan/units.h"
#include "server/store/package_store.h"

namespace dmgr::operations {

absl::StatusOr<store::ClusterRecord> LoadCluster(const Services& services,
                                                 engine::StepContext& context) {
  return static_cast<HostScope&>(context.scope())
      .Cluster([&]() -> absl::StatusOr<store::ClusterRecord> {
        store::ClusterRecord record;
        RETURN_IF_ERROR(services.database->Read([&](store::Transaction& tx) -> absl::Status {
          const std::string& name = context.operation().operation.cluster_name();
          ASSIGN_OR_RETURN(record, store::GetCluster(tx, name));
          return absl::OkStatus();
        }));
        RETURN_IF_ERROR(OpenOptions(services, &record));
        return record;
      });
}

void SealOptions(const Services& services, store::ClusterRecord* record) {
  record->sealed_options =
      services.secrets->Seal(topology::OptionsOf(record->cluster).SerializeAsString(),
                             OptionsContext(record->cluster.uuid));
}

absl::Status OpenOptions(const Services& services, store::ClusterRecord* record) {
  if (record->sealed_options.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      const std::string opened,
      services.secrets->Open(record->sealed_options, OptionsContext(record->cluster.uuid)));
  v1::Topology options;
  if (!options.ParseFromString(opened)) {
    return Error(absl::StatusCode::kDataLoss, "OPTIONS_UNREADABLE",
                 "the stored options of cluster {} cannot be read", record->cluster.name)
        .With("cluster", record->cluster.name);
  }
  topology::SetOptions(options, &record->cluster);
  return absl::OkStatus();
}

absl::StatusOr<v1::Package> LoadPackage(const Services& services, const std::string& version) {
  v1::Package package;
  RETURN_IF_ERROR(services.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(package, store::GetPackage(tx, version));
    return absl::OkStatus();
  }));
  return package;
}

absl::StatusOr<v1::Package> LoadPackage(const Services& services, engine::StepContext& context,
                                        const std::string& version) {
  return static_cast<HostScope&>(context.scope()).Package(version, [&] {
    return LoadPackage(services, version);
  });
}

absl::StatusOr<HostBefore> LoadBefore(const Services& services, const std::string& cluster,
                                      const std::string& machine_id) {
  std::vector<store::HostRecord> records;
  RETURN_IF_ERROR(services.database->Read([&](store::Transaction& tx) -> absl::Status {
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

absl::Status RemoveFromHost(const Services& services, engine::StepContext& context) {
  ASSIGN_OR_RETURN(auto record, LoadCluster(services, context));
  return RemoveFromHost(services, context, record, record.cluster);
}

absl::Status RemoveFromHost(const Services& services, engine::StepContext& context,
                            const store::ClusterRecord& record, const topology::Cluster& leaving) {
  const std::string& machine = context.step().step.host();
  ASSIGN_OR_RETURN(auto before, LoadBefore(services, record.cluster.name, machine));
  ASSIGN_OR_RETURN(auto package, LoadPackage(services, record.cluster.version));
  hv1::ToHost request;
  *request.mutable_remove_cluster() =
      PartialRemovalOf(record.cluster, leaving, machine, before, record.public_key, package);
  ASSIGN_OR_RETURN(auto reply,
                   static_cast<HostScope&>(context.scope()).Call(context, std::move(request)));
  for (const auto& path : reply.remove_cluster().left()) {
    context.Log(v1::LogLine::LEVEL_WARNING,
                "left on " + machine + ", since it is not dmgr's: " + path);
  }
  return absl::OkStatus();
}

absl::StatusOr<topology::Cluster> ConcernedBy(const engine::StepContext& context,
                                              const topology::Cluster& cluster) {
  const auto params = nlohmann::json::parse(context.step().payload_json, nullptr, false);
  if (!params.is_object() || !params.contains("instances")) return cluster;
  InstancesParams named;
  RETURN_IF_ERROR(FromJson(context.step().payload_json, &named));
  return named.instances.empty() ? cluster : topology::Only(cluster, named.instances);
}

v1::Hotfix HotfixOf(const store::ClusterRecord& record, const std::string& instance) {
  const auto& waiting = record.needs_reload;
  if (std::find(waiting.begin(), waiting.end(), instance) != waiting.end()) {
    return v1::HOTFIX_RELOAD;
  }
  for (const auto& [name, hotfix] : record.hotfixes) {
    if (name == instance) return hotfix;
  }
  return v1::HOTFIX_NORMAL;
}

std::string GrafanaContext(const std::string& cluster_uuid) { return "grafana:" + cluster_uuid; }
std::string OptionsContext(const std::string& cluster_uuid) { return "options:" + cluster_uuid; }
std::string ClusterKeyContext(const std::string& cluster_uuid) {
  return "cluster-key:" + cluster_uuid;
}

std::string ClusterTree(const store::ClusterRecord& record) {
  return ClusterDir(record.cluster.cluster_path, record.cluster.name) + "/" +
         record.cluster.version;
}

absl::StatusOr<render::RenderedInstance> RenderOne(const Services& services,
                                                   const store::ClusterRecord& record,
                                                   const topology::Instance& instance,
                                                   const render::PackageFiles& files) {
  render::RenderInput input;
  input.cluster = &record.cluster;
  input.instance = &instance;
  input.package = &files;
  if (instance.component == topology::Component::kDmMaster) {
    input.join = topology::JoinAddresses(record.cluster, instance);
  }
  if (instance.component == topology::Component::kGrafana) {
    ASSIGN_OR_RETURN(input.grafana_password,
                     services.secrets->Open(record.sealed_grafana_password,
                                            GrafanaContext(record.cluster.uuid)));
  }
  return render::Render(input);
}

}  // namespace dmgr::operations

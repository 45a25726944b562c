#include "server/operations/import/import.h"

#include <string>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "common/labels.h"
#include "common/messages.h"
#include "common/version.h"
#include "server/clusters/checks.h"
#include "server/clusters/cluster_tls.h"
#include "server/clusters/record.h"
#include "server/clusters/workspace.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/new_cluster.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/submit.h"
#include "server/operations/import/plan.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

// No package says that there is such a version.
absl::Status CheckVersion(const std::string& version) {
  if (DmVersion::Parse(version).has_value()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "the cluster's version is not one of DM, such as v7.5.1")
      .Field("version", "must be such as v7.5.1");
}

absl::Status RequireOfTiup(const store::ClusterRecord& record) {
  if (record.origin != v1::CLUSTER_ORIGIN_UNSPECIFIED) return absl::OkStatus();
  const std::string& name = record.cluster.name;
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_FOREIGN",
               "cluster {} was laid on its hosts by dmgr: no other tool could go on with it", name)
      .With("cluster", name)
      .Remedy("to get rid of it with all that is on its hosts, destroy it")
      .Next(v1::ACTION_DESTROY_CLUSTER, {{"cluster_name", name}});
}

}  // namespace

absl::StatusOr<v1::Operation> ImportCluster(const Resources& resources,
                                            const v1::ImportClusterRequest& request,
                                            const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(const AroundNew known,
                   LoadAroundNew(resources, request.cluster_name(), /*version=*/std::nullopt));
  RETURN_IF_ERROR(CheckVersion(request.version()));
  RETURN_IF_ERROR(CheckLabels("", request.description(), request.labels()));
  std::vector<topology::Problem> problems;
  topology::ExpandInput input;
  input.topology = request.topology();
  // TiUP has both exporters of a host in one directory: they stay its own.
  input.topology.clear_monitored();
  const std::string grafana_password = TakeGrafanaPassword(&input.topology, "", &problems);
  input.cluster_name = request.cluster_name();
  input.version = request.version();
  input.cluster_path =
      request.cluster_path().empty() ? resources.cluster_path : request.cluster_path();
  // Nothing of the user is dmgr's.
  input.skip_create_user = true;
  input.as_tiup = true;
  input.machines = known.machines;
  input.occupied = known.occupied;
  store::ClusterRecord record;
  record.origin = v1::CLUSTER_ORIGIN_TIUP;
  record.topology = input.topology;
  Redact(&record.topology);
  record.description = request.description();
  record.labels = request.labels();
  record.cluster = topology::Expand(input, &problems);
  if (record.cluster.enable_tls != request.has_tls()) {
    problems.push_back({"tls", record.cluster.enable_tls
                                   ? "is needed with enable_tls in global: the CA and the client's "
                                     "certificate of TiUP's folder tls, with their keys"
                                   : "is for a cluster with enable_tls in global"});
  }
  CheckClusterPath(resources, input.cluster_path, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  record.cluster.uuid = NewUuid();
  RETURN_IF_ERROR(
      clusters::CheckClusterDirFree(ClusterDir(record.cluster.cluster_path, record.cluster.name)));
  RETURN_IF_ERROR(AddSecrets(resources, grafana_password, &record));
  if (record.cluster.enable_tls) {
    RETURN_IF_ERROR(clusters::TakeOverClusterTls(resources, request.tls(), &record));
  }
  return Submit(resources, request, caller,
                {.plan = PlanImport(record.cluster), .store = [&](store::Transaction& tx) {
                   return store::InsertCluster(tx, record, known.identities);
                 }});
}

absl::StatusOr<v1::ExportTiupTlsResponse> ExportTiupTls(const Resources& resources,
                                                        const v1::ExportTiupTlsRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  RETURN_IF_ERROR(RequireOfTiup(record));
  RETURN_IF_ERROR(RequireTls(record));
  v1::ExportTiupTlsResponse response;
  ASSIGN_OR_RETURN(*response.mutable_tls(), clusters::TiupTlsOf(resources, record.cluster));
  return response;
}

absl::StatusOr<v1::Operation> ReleaseCluster(const Resources& resources,
                                             const v1::ReleaseClusterRequest& request,
                                             const Caller& caller) {
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [](const Subject& subject) { return RequireOfTiup(subject.record); };
  rules.plan = [](const Subject& subject) {
    return PlanRelease(subject.record.cluster,
                       subject.record.origin == v1::CLUSTER_ORIGIN_TAKEN_OVER);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations

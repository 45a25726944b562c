#include "server/operations/deploy/deploy.h"

#include <string>
#include <vector>

#include "common/ids.h"
#include "common/labels.h"
#include "common/messages.h"
#include "common/package/archs.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/checks.h"
#include "server/clusters/cluster_tls.h"
#include "server/clusters/placement.h"
#include "server/clusters/workspace.h"
#include "server/operations/calls/new_cluster.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/submit.h"
#include "server/operations/deploy/plan.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

using topology::Problem;

absl::StatusOr<v1::Operation> DeployCluster(const Resources& resources,
                                            const v1::DeployClusterRequest& request,
                                            const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(const AroundNew known,
                   LoadAroundNew(resources, request.cluster_name(), request.version()));

  RETURN_IF_ERROR(CheckLabels("", request.description(), request.labels()));
  std::vector<Problem> problems;
  topology::ExpandInput input;
  input.topology = request.topology();
  const std::string grafana_password =
      TakeGrafanaPassword(&input.topology, request.grafana_admin_password(), &problems);
  input.cluster_name = request.cluster_name();
  input.version = request.version();
  input.cluster_path =
      request.cluster_path().empty() ? resources.cluster_path : request.cluster_path();
  input.skip_create_user = request.skip_create_user();
  input.user_login = request.user_login();
  input.grafana_admin_user = request.grafana_admin_user();
  input.package_archs = package::ArchsOf(known.package);
  input.package_lacks = clusters::LackingIn(known.package);
  input.machines = known.machines;
  input.occupied = known.occupied;
  store::ClusterRecord record;
  record.topology = input.topology;
  Redact(&record.topology);
  record.description = request.description();
  record.labels = request.labels();
  record.cluster = topology::Expand(input, &problems);
  CheckClusterPath(resources, input.cluster_path, &problems);
  if (request.has_authority() && !record.cluster.enable_tls) {
    problems.push_back({"authority", "is for a cluster with enable_tls in global"});
  }
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  record.cluster.uuid = NewUuid();
  RETURN_IF_ERROR(
      clusters::CheckClusterDirFree(ClusterDir(record.cluster.cluster_path, record.cluster.name)));
  RETURN_IF_ERROR(AddSecrets(resources, grafana_password, &record));
  if (record.cluster.enable_tls) {
    RETURN_IF_ERROR(clusters::MakeClusterTls(resources, request.authority(), &record));
  }
  RETURN_IF_ERROR(clusters::CheckRender(resources, record));
  RETURN_IF_ERROR(PreflightDeploy(resources, record.cluster, known.package, record.cluster));

  return Submit(
      resources, request, caller,
      {.plan = PlanDeploy(record.cluster, known.package), .store = [&](store::Transaction& tx) {
         return store::InsertCluster(tx, record, known.identities);
       }});
}

}  // namespace dmgr::operations

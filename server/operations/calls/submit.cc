#include "server/operations/calls/submit.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/clusters/record.h"
#include "server/store/machine_store.h"

namespace dmgr::operations {

using topology::Instance;
using topology::Problem;

namespace {

constexpr int kAllRows = 100000;

absl::Status RequireState(const store::ClusterRecord& record, v1::ClusterState refused,
                          const std::string& what) {
  if (record.state != refused) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_DEPLOYED", "cluster {} {}",
               record.cluster.name, what)
      .With("cluster", record.cluster.name)
      .With("operation", record.active_operation_id)
      .Remedy(record.active_operation_id.empty()
                  ? "destroy it: dmgrctl cluster destroy " + record.cluster.name
                  : "see dmgrctl operation show " + record.active_operation_id);
}

}  // namespace

absl::Status InvalidTopology(const std::vector<Problem>& problems) {
  constexpr std::size_t kShown = 20;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < std::min(problems.size(), kShown); ++i) {
    texts.push_back(problems[i].field.empty() ? problems[i].text
                                              : problems[i].field + ": " + problems[i].text);
  }
  if (problems.size() > kShown) {
    texts.push_back(fmt::format("and {} more", problems.size() - kShown));
  }
  Error error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{} problem{}: {}",
              problems.size(), problems.size() == 1 ? "" : "s", fmt::join(texts, "; "));
  for (std::size_t i = 0; i < std::min<std::size_t>(problems.size(), 500); ++i) {
    error.Field(problems[i].field, problems[i].text);
  }
  return error;
}

absl::Status ListMachineRefs(store::Transaction& tx, std::vector<topology::MachineRef>* machines,
                             std::vector<std::pair<std::string, std::string>>* identities) {
  ASSIGN_OR_RETURN(auto records, store::ListMachines(tx, "", kAllRows));
  for (const auto& record : records) {
    const v1::Machine& m = record.machine;
    machines->push_back({m.machine_id(), m.host(), static_cast<int>(m.ssh_port()),
                         m.facts().machine_identity(), m.facts().arch()});
    identities->emplace_back(m.machine_id(), m.facts().machine_identity());
  }
  return absl::OkStatus();
}

absl::Status CheckRender(const Services& services, const store::ClusterRecord& record) {
  ASSIGN_OR_RETURN(auto files,
                   render::LoadPackageFiles(PackageTree(services, record.cluster.version)));
  for (const auto& instance : record.cluster.instances) {
    auto rendered = RenderOne(services, record, instance, files);
    if (!rendered.ok()) return Annotate(rendered.status(), instance.name);
  }
  return absl::OkStatus();
}

v1::Operation Preview(const engine::Plan& plan, const Caller& caller) {
  v1::Operation operation = ToApi(engine::ToRecord(plan, caller.user, "", ""));
  operation.clear_operation_id();
  operation.clear_state();
  return operation;
}

absl::StatusOr<store::ClusterRecord> FindCluster(const Services& services,
                                                 const std::string& name) {
  store::ClusterRecord record;
  RETURN_IF_ERROR(services.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetCluster(tx, name));
    return absl::OkStatus();
  }));
  return record;
}

absl::StatusOr<std::vector<const Instance*>> SelectInstances(const topology::Cluster& cluster,
                                                             const v1::Selection& selection) {
  std::vector<Problem> problems;
  auto instances =
      topology::Select(cluster, {selection.roles().begin(), selection.roles().end()},
                       {selection.nodes().begin(), selection.nodes().end()}, &problems);
  if (!problems.empty()) return InvalidTopology(problems);
  return instances;
}

absl::Status RequireDeployed(const store::ClusterRecord& record) {
  RETURN_IF_ERROR(RequireState(record, v1::CLUSTER_STATE_DEPLOYING, "is not deployed to its end"));
  return RequireState(record, v1::CLUSTER_STATE_DESTROYING, "is being destroyed");
}

absl::Status RequireAllJoined(const store::ClusterRecord& record) {
  for (const auto& instance : record.cluster.instances) {
    if (instance.membership != topology::Membership::kJoining) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_JOINING",
                 "{} of cluster {} was never joined to its end", instance.name, record.cluster.name)
        .With("cluster", record.cluster.name)
        .With("instance", instance.name)
        .Remedy(fmt::format("take it away: dmgrctl cluster scale-in {} --node {}",
                            record.cluster.name, instance.name));
  }
  return absl::OkStatus();
}

absl::Status RequireNoPending(const store::ClusterRecord& record) {
  if (!record.pending_topology.has_value()) return absl::OkStatus();
  const std::string& name = record.cluster.name;
  return Error(absl::StatusCode::kFailedPrecondition, "RELOAD_PENDING",
               "cluster {} has a changed configuration that its hosts do not have yet", name)
      .With("cluster", name)
      .Remedy(fmt::format("bring it there: dmgrctl cluster reload {}; or drop it: dmgrctl cluster "
                          "edit-config {} --discard",
                          name, name));
}

}  // namespace dmgr::operations

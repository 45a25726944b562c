// The step that gives a machine's instances another address.
#include <string>
#include <utility>
#include <vector>

#include "server/clusters/record.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/steps.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/runner.h"
#include "server/render/render.h"
#include "server/store/cluster_config_store.h"
#include "server/store/cluster_store.h"
#include "server/topology/moved.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Membership;

topology::NewPlace PlaceIn(const pv1::ReaddressParams& params) {
  topology::NewPlace place;
  place.host = params.host();
  place.manage_host = params.manage_host();
  place.ssh_port = static_cast<int>(params.ssh_port());
  return place;
}

// The record with it; the dm-masters there have left, and join again.
std::vector<std::string> Give(const std::string& machine, const topology::NewPlace& place,
                              store::ClusterRecord* record) {
  topology::Readdress(machine, place, &record->cluster, &record->topology);
  std::vector<std::string> joining;
  for (auto& instance : record->cluster.instances) {
    if (instance.machine_id != machine) continue;
    if (instance.component != topology::Component::kDmMaster) continue;
    instance.membership = Membership::kJoining;
    joining.push_back(instance.name);
  }
  return joining;
}

// Files and record change together as far as that goes: written again, the files are the same.
class GiveAddress : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::ReaddressParams>(context));
    const topology::NewPlace place = PlaceIn(params);
    const std::string& machine = Machine(context);
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    Give(machine, place, &record);
    RETURN_IF_ERROR(WriteFiles(context, record, machine));
    StepResult result;
    result.commit = [this, place, machine,
                     cluster = record.cluster.name](store::Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(store::LockCluster(tx, cluster));
      ASSIGN_OR_RETURN(auto now, store::GetCluster(tx, cluster));
      RETURN_IF_ERROR(clusters::OpenOptions(resources(), &now));
      const auto joining = Give(machine, place, &now);
      clusters::SealOptions(resources(), &now);
      RETURN_IF_ERROR(store::SetAddresses(tx, now.cluster, machine));
      RETURN_IF_ERROR(store::SetMembership(tx, cluster, joining, Membership::kJoining));
      return store::SetTopology(tx, cluster, now.topology, now.sealed_options);
    };
    return result;
  }

 private:
  absl::Status WriteFiles(StepContext& context, const store::ClusterRecord& record,
                          const std::string& machine) {
    ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
    hv1::ToHost request;
    for (const auto* instance : record.cluster.OnMachine(machine)) {
      ASSIGN_OR_RETURN(const auto rendered,
                       clusters::RenderOne(resources(), record, *instance, files));
      AddFiles(record.cluster, rendered, request.mutable_write_files());
    }
    return Hosts(context).Call(context, std::move(request)).status();
  }
};

}  // namespace

void RegisterReaddressRunner(const Resources* resources, engine::Registry* registry) {
  registry->Add(kReaddress, std::make_unique<GiveAddress>(resources));
}

}  // namespace dmgr::operations

// The steps by which a cluster begins to speak TLS, or ceases to.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/short_status.h"
#include "dmgr/host/v1/host.pb.h"
#include "dmgr/plan/v1/scale.pb.h"
#include "server/clusters/cache.h"
#include "server/clusters/host_before.h"
#include "server/clusters/path_needs.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/engine/runner.h"
#include "server/operations/plan/founding.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/hup.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/tls_state.h"
#include "server/operations/steps/units.h"
#include "server/operations/steps/units_runner.h"
#include "server/operations/switch_tls/plan.h"
#include "server/operations/switch_tls/switch_tls.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_config_store.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Component;
using topology::Membership;

// The record as it is to be; back: as it was before the operation.
store::ClusterRecord Switched(store::ClusterRecord record, const pv1::TlsSwitch& change,
                              bool back) {
  SetTlsState(back ? change.round().previous() : change.round().next(), &record.cluster);
  const bool on = record.cluster.tls != nullptr;
  record.cluster.enable_tls = on;
  if (on || record.topology.has_global()) record.topology.mutable_global()->set_enable_tls(on);
  std::vector<std::string> founders;
  for (const auto* master : record.cluster.Of(Component::kDmMaster)) {
    const auto& joined = change.joined();
    const bool had_joined = std::find(joined.begin(), joined.end(), master->name) != joined.end();
    if (!back || !had_joined) founders.push_back(master->name);
  }
  record.cluster = AsFounded(std::move(record.cluster), founders);
  return record;
}

// Looks whether the data of dm-masters can be set aside, does it, or ends it.
absl::Status CallAside(const Resources& resources, StepContext& context,
                       hv1::SetDataAside::Verb verb) {
  ASSIGN_OR_RETURN(const auto record, LoadCluster(resources, context));
  ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
  hv1::ToHost request;
  auto* aside = request.mutable_set_data_aside();
  aside->set_verb(verb);
  aside->set_user(record.cluster.user);
  constexpr std::size_t kShort = 8;
  aside->set_label("before-" + context.operation().operation.operation_id().substr(0, kShort));
  for (const auto* instance : instances) {
    if (instance->component != Component::kDmMaster) continue;
    aside->add_units(instance->Unit());
    aside->add_dirs(instance->data_dir);
  }
  if (aside->dirs().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto reply, Hosts(context).Call(context, std::move(request)));
  for (const auto& path : reply.clear_dirs().left()) {
    context.Log(v1::LogLine::LEVEL_WARNING,
                fmt::format("left on {}: {}, since it is not {}'s", Machine(context), path,
                            record.cluster.user));
  }
  return absl::OkStatus();
}

// As the call has looked: others may have changed something since.
absl::Status CheckPaths(const Resources& resources, StepContext& context) {
  ASSIGN_OR_RETURN(const auto change, ParamsOf<pv1::TlsSwitch>(context));
  ASSIGN_OR_RETURN(const auto record, LoadCluster(resources, context));
  ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
  ASSIGN_OR_RETURN(const auto own,
                   clusters::LoadBefore(resources, record.cluster.name, Machine(context)));
  const auto needs = NeedsOfSwitch(instances, own, !change.round().next().trusted().empty());
  hv1::ToHost request;
  *request.mutable_inspect() = clusters::InspectionOf(needs);
  ASSIGN_OR_RETURN(const auto reply, Hosts(context).Call(context, std::move(request)));
  const auto conflicts = clusters::PathConflicts(needs, reply.inspect());
  if (conflicts.empty()) return absl::OkStatus();
  const std::string& machine = Machine(context);
  return Error(absl::StatusCode::kFailedPrecondition, "HOST_CONFLICT", "{}",
               dmgr::Findings(fmt::format("TLS of cluster {} cannot be switched at machine {}",
                                          record.cluster.name, machine),
                              conflicts))
      .With("machine", machine)
      .With("cluster", record.cluster.name)
      .Remedy("mend it, then resume the operation")
      .Next(v1::ACTION_RESUME_OPERATION,
            {{"operation_id", context.operation().operation.operation_id()}});
}

class LookAside : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    RETURN_IF_ERROR(CheckPaths(resources(), context));
    RETURN_IF_ERROR(CallAside(resources(), context, hv1::SetDataAside::VERB_LOOK));
    return StepResult{};
  }
};

class SetAside : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Minutes(10); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    RETURN_IF_ERROR(CallAside(resources(), context, hv1::SetDataAside::VERB_SET_ASIDE));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    RETURN_IF_ERROR(CallAside(resources(), context, hv1::SetDataAside::VERB_PUT_BACK));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

class DropAside : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return absl::Minutes(30); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    RETURN_IF_ERROR(CallAside(resources(), context, hv1::SetDataAside::VERB_DROP));
    return StepResult{};
  }
};

// Files of instances as a record has them, and their certificates or none.
absl::Status WriteSwitched(const Resources& resources, StepContext& context,
                           const store::ClusterRecord& at) {
  ASSIGN_OR_RETURN(const auto instances, InstancesOf(at.cluster, context));
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(at)));
  hv1::ToHost request;
  auto* batch = request.mutable_batch();
  const bool on = at.cluster.tls != nullptr;
  if (on) {
    auto* dirs = batch->add_requests()->mutable_make_dirs();
    for (const auto* instance : instances) {
      *dirs->add_dirs() = clusters::DirToMake(at.cluster, *instance, TlsDir(*instance));
    }
  }
  auto* write = batch->add_requests()->mutable_write_files();
  for (const auto* instance : instances) {
    ASSIGN_OR_RETURN(const auto rendered, clusters::RenderOne(resources, at, *instance, files));
    AddFiles(at.cluster, rendered, write);
  }
  if (!on) {
    auto* remove = batch->add_requests()->mutable_remove_paths();
    for (const auto* instance : instances) remove->add_dirs(TlsDir(*instance));
  }
  return Hosts(context).Call(context, std::move(request)).status();
}

// What a destroy takes from the machine: with the folders of certificates, or without.
absl::StatusOr<StepResult> RecordDirs(const Resources& resources, StepContext& context,
                                      const store::ClusterRecord& at) {
  const std::string& machine = Machine(context);
  const std::string& cluster = at.cluster.name;
  ASSIGN_OR_RETURN(const auto first, clusters::LoadBefore(resources, cluster, machine));
  ASSIGN_OR_RETURN(const auto instances, InstancesOf(at.cluster, context));
  clusters::HostBefore own;
  for (const auto* instance : instances) own.absent.push_back(TlsDir(*instance));
  clusters::HostBefore now = first;
  if (at.cluster.tls != nullptr) {
    now = clusters::Merge(first, own);
  } else {
    std::erase_if(now.absent, [&](const std::string& path) {
      return std::find(own.absent.begin(), own.absent.end(), path) != own.absent.end();
    });
  }
  pv1::HostRecorded recorded;
  recorded.set_previous(ToJson(first));
  StepResult result;
  result.result_json = StepJson(recorded);
  result.commit = [cluster, record = store::HostRecord{machine, ToJson(now)}](
                      store::Transaction& tx) { return store::PutHostRecord(tx, cluster, record); };
  return result;
}

// Gives instances that do not run the other files.
class SwitchFiles : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto at, RecordAt(context, /*back=*/false));
    RETURN_IF_ERROR(Place(context, at, /*back=*/false));
    return RecordDirs(resources(), context, at);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto at, RecordAt(context, /*back=*/true));
    RETURN_IF_ERROR(Place(context, at, /*back=*/true));
    ASSIGN_OR_RETURN(const auto recorded, OwnResult<pv1::HostRecorded>(context));
    // One that was not committed recorded nothing.
    if (!recorded.has_value()) return StepResult{};
    StepResult result;
    result.commit = [cluster = at.cluster.name, machine = Machine(context),
                     previous = recorded->previous()](store::Transaction& tx) {
      return store::PutHostRecord(tx, cluster, {machine, previous});
    };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 protected:
  virtual absl::Status Place(StepContext& context, const store::ClusterRecord& at, bool back) {
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(at.cluster, context));
    // One that came up meanwhile, as of a host that was booted, would go on as it was.
    if (!back) RETURN_IF_ERROR(RequireInactive(context, instances, "is given other certificates"));
    return WriteSwitched(resources(), context, at);
  }

 private:
  absl::StatusOr<store::ClusterRecord> RecordAt(StepContext& context, bool back) {
    ASSIGN_OR_RETURN(const auto change, ParamsOf<pv1::TlsSwitch>(context));
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    return Switched(std::move(record), change, back);
  }
};

// The same for what asks DM, and goes on: it reads them at once.
class SwitchMonitoring : public SwitchFiles {
 public:
  using SwitchFiles::SwitchFiles;

 protected:
  absl::Status Place(StepContext& context, const store::ClusterRecord& at, bool back) override {
    RETURN_IF_ERROR(WriteSwitched(resources(), context, at));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(at.cluster, context));
    ASSIGN_OR_RETURN(instances, ThatWere(true, instances, context));
    for (const auto* instance : instances) {
      const absl::Status read = HupInstance(context, *instance);
      if (!back) RETURN_IF_ERROR(read);
      // It has its former files, and reads them at its next start.
      if (!read.ok()) context.Log(v1::LogLine::LEVEL_WARNING, std::string(Message(read)));
    }
    return absl::OkStatus();
  }
};

// From then on dmgr itself asks over TLS, or without, and says so.
class RecordSwitch : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override { return Set(context, false); }
  absl::StatusOr<StepResult> Undo(StepContext& context) override { return Set(context, true); }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  absl::StatusOr<StepResult> Set(StepContext& context, bool back) {
    ASSIGN_OR_RETURN(const auto change, ParamsOf<pv1::TlsSwitch>(context));
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(clusters::WriteCache(resources(), Switched(std::move(record), change, back)));
    StepResult result;
    result.commit = [this, change, back, cluster = context.operation().operation.cluster_name()](
                        store::Transaction& tx) { return Store(tx, cluster, change, back); };
    return result;
  }

  absl::Status Store(store::Transaction& tx, const std::string& cluster,
                     const pv1::TlsSwitch& change, bool back) const {
    RETURN_IF_ERROR(store::LockCluster(tx, cluster));
    ASSIGN_OR_RETURN(auto now, store::GetCluster(tx, cluster));
    RETURN_IF_ERROR(clusters::OpenOptions(resources(), &now));
    now = Switched(std::move(now), change, back);
    clusters::SealOptions(resources(), &now);
    RETURN_IF_ERROR(StoreTls(tx, now.cluster));
    std::map<Membership, std::vector<std::string>> masters;
    for (const auto* master : now.cluster.Of(Component::kDmMaster)) {
      masters[master->membership].push_back(master->name);
    }
    for (const auto& [membership, names] : masters) {
      RETURN_IF_ERROR(store::SetMembership(tx, cluster, names, membership));
    }
    return store::SetTopology(tx, cluster, now.topology, now.sealed_options);
  }
};

// Starts those that ran before the operation. Undone by ending all of them, since others are to
// run in their place: nobody needs more of the dm-masters among them than their end.
class StartAnew : public ServiceRunner {
 public:
  using ServiceRunner::ServiceRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto ran, Ran(context, record.cluster));
    if (!ran.empty()) RETURN_IF_ERROR(StartInstances(context, record.cluster, ran));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    Instances masters;
    Instances others;
    for (const auto* one : instances) {
      (one->component == Component::kDmMaster ? masters : others).push_back(one);
    }
    if (!masters.empty()) {
      RETURN_IF_ERROR(EndInstances(context, masters, absl::ZeroDuration()));
    }
    if (!others.empty()) RETURN_IF_ERROR(StopInstances(context, others));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto ran, Ran(context, record.cluster));
    ASSIGN_OR_RETURN(const auto units, UnitStates(context, ran));
    return std::all_of(units.begin(), units.end(), IsActive);
  }

 private:
  static absl::StatusOr<Instances> Ran(StepContext& context, const topology::Cluster& cluster) {
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(cluster, context));
    return ThatWere(true, instances, context);
  }
};

}  // namespace

void RegisterSwitchTlsRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kLookAside, std::make_unique<LookAside>(resources));
  registry->Add(kSetDataAside, std::make_unique<SetAside>(resources));
  registry->Add(kDropAside, std::make_unique<DropAside>(resources));
  registry->Add(kSwitchFiles, std::make_unique<SwitchFiles>(resources));
  registry->Add(kSwitchMonitoring, std::make_unique<SwitchMonitoring>(resources));
  registry->Add(kRecordSwitch, std::make_unique<RecordSwitch>(resources));
  registry->Add(kStartAnew, std::make_unique<StartAnew>(resources));
}

}  // namespace dmgr::operations

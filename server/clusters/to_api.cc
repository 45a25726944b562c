#include "server/clusters/to_api.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "common/enum_words.h"
#include "common/error.h"
#include "dmgr/plan/v1/repair.pb.h"
#include "dmgr/plan/v1/turns.pb.h"
#include "server/clusters/desired.h"
#include "server/clusters/record.h"
#include "server/store/patch_store.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

namespace {

// The call that made the operation, about the hosts that answer; without an action when there is
// none that says it in full.
v1::NextAction AgainWithoutDeadHosts(const v1::Operation& operation) {
  v1::NextAction next;
  v1::UpgradeClusterRequest upgrade;
  switch (operation.kind()) {
    case v1::OPERATION_KIND_START:
      next.set_action(v1::ACTION_START_CLUSTER);
      break;
    case v1::OPERATION_KIND_STOP:
      next.set_action(v1::ACTION_STOP_CLUSTER);
      break;
    case v1::OPERATION_KIND_RESTART:
      next.set_action(v1::ACTION_RESTART_CLUSTER);
      break;
    case v1::OPERATION_KIND_RELOAD:
      next.set_action(v1::ACTION_RELOAD_CLUSTER);
      break;
    case v1::OPERATION_KIND_UPGRADE:
      if (!operation.request().UnpackTo(&upgrade)) break;
      next.set_action(v1::ACTION_UPGRADE_CLUSTER);
      (*next.mutable_arguments())["version"] = upgrade.version();
      if (upgrade.strategy() == v1::STRATEGY_OFFLINE) {
        (*next.mutable_arguments())["strategy"] = v1::Strategy_Name(upgrade.strategy());
      }
      break;
    default:
      break;
  }
  return next;
}

// What takes the cluster over when a host does not answer any more, and does not come back.
void AddTakeOvers(v1::Operation* operation) {
  if (operation->error().code() != static_cast<int>(absl::StatusCode::kUnavailable)) return;
  v1::NextAction again = AgainWithoutDeadHosts(*operation);
  v1::NextAction repair;
  repair.set_action(v1::ACTION_REPAIR_CLUSTER);
  for (v1::NextAction* next : {&again, &repair}) {
    if (next->action() == v1::ACTION_UNSPECIFIED) continue;
    (*next->mutable_arguments())["cluster_name"] = operation->cluster_name();
    (*next->mutable_arguments())["skip_unreachable"] = "true";
    *operation->add_next_actions() = std::move(*next);
  }
}

// What the step's parameters have for the API.
void AddNotes(const store::StepRecord& record, v1::OperationStep* step) {
  // Most have none, and are not read for it.
  if (record.payload_json.find(R"("differences":[{)") == std::string::npos) return;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  dmgr::plan::v1::StepNotes notes;
  const auto read =
      google::protobuf::util::JsonStringToMessage(record.payload_json, &notes, options);
  // A newer version's may say what this one does not understand; the step itself does.
  if (read.ok()) step->mutable_differences()->Swap(notes.mutable_differences());
}

// What the step's result has for the API.
void AddPaused(const store::StepRecord& record, v1::Operation* operation) {
  if (record.result_json.find(R"("paused":[{)") == std::string::npos) return;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  dmgr::plan::v1::TurnResult result;
  if (!google::protobuf::util::JsonStringToMessage(record.result_json, &result, options).ok())
    return;
  for (const auto& one : result.paused()) {
    auto* paused = operation->add_paused_tasks();
    paused->set_task_name(one.task());
    paused->set_source_id(one.source());
    paused->set_worker_name(one.worker());
  }
}

// What can be done with an operation as it stands.
void AddNextActions(v1::Operation* operation) {
  const auto add = [&](v1::Action action) {
    *operation->add_next_actions() =
        MakeNextAction(action, {{"operation_id", operation->operation_id()}});
  };
  switch (operation->state()) {
    case v1::OPERATION_STATE_QUEUED:
    case v1::OPERATION_STATE_RUNNING:
      add(v1::ACTION_WATCH_OPERATION);
      add(v1::ACTION_CANCEL_OPERATION);
      return;
    case v1::OPERATION_STATE_CANCELLING:
    case v1::OPERATION_STATE_ROLLING_BACK:
      add(v1::ACTION_WATCH_OPERATION);
      return;
    default:
      break;
  }
  // Ended: what it left behind is to be settled only while it holds its cluster.
  if (!operation->holds_cluster()) return;
  add(v1::ACTION_RESUME_OPERATION);
  const auto& steps = operation->steps();
  const bool passed = std::any_of(steps.begin(), steps.end(), [](const v1::OperationStep& step) {
    return step.point_of_no_return() && step.attempts() > 0;
  });
  AddTakeOvers(operation);
  if (!passed) add(v1::ACTION_ROLLBACK_OPERATION);
  if (operation->kind() == v1::OPERATION_KIND_DESTROY) {
    // A host that died in the middle is left as it is.
    *operation->add_next_actions() =
        MakeNextAction(v1::ACTION_DESTROY_CLUSTER,
                       {{"cluster_name", operation->cluster_name()}, {"force", "true"}});
  }
  add(v1::ACTION_ABANDON_OPERATION);
}

}  // namespace

v1::Operation ToApi(const store::OperationRecord& record) {
  v1::Operation operation = record.operation;
  operation.clear_steps();
  for (const auto& step : record.steps) {
    *operation.add_steps() = step.step;
    AddNotes(step, operation.mutable_steps(operation.steps_size() - 1));
    AddPaused(step, &operation);
  }
  AddNextActions(&operation);
  return operation;
}

absl::Status AddWaysOut(store::Transaction& tx, v1::Operation* operation) {
  const auto record = store::GetCluster(tx, operation->cluster_name());
  // A deploy may have failed before there was one.
  if (absl::IsNotFound(record.status())) return absl::OkStatus();
  RETURN_IF_ERROR(record.status());
  const std::string& name = record->cluster.name;
  const auto add = [&](const v1::NextAction& action) { *operation->add_next_actions() = action; };
  if (record->state == v1::CLUSTER_STATE_DEPLOYING ||
      record->state == v1::CLUSTER_STATE_DESTROYING) {
    add(MakeNextAction(v1::ACTION_DESTROY_CLUSTER, {{"cluster_name", name}}));
    return absl::OkStatus();
  }
  for (const auto& instance : record->cluster.instances) {
    if (instance.membership != topology::Membership::kJoining) continue;
    add(MakeNextAction(v1::ACTION_SCALE_IN_CLUSTER,
                       {{"cluster_name", name}, {"selection.nodes", instance.name}}));
  }
  add(MakeNextAction(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", name}}));
  add(MakeNextAction(v1::ACTION_START_CLUSTER, {{"cluster_name", name}}));
  return absl::OkStatus();
}

v1::Cluster ToApi(const store::ClusterRecord& record) {
  v1::Cluster cluster;
  cluster.set_name(record.cluster.name);
  cluster.set_uuid(record.cluster.uuid);
  cluster.set_version(record.cluster.version);
  cluster.set_state(record.state);
  cluster.set_origin(record.origin);
  cluster.set_user(record.cluster.user);
  cluster.set_group(record.cluster.group);
  cluster.set_cluster_path(record.cluster.cluster_path);
  cluster.set_description(record.description);
  *cluster.mutable_labels() = record.labels;
  cluster.mutable_create_time()->set_seconds(absl::ToUnixSeconds(record.create_time));
  cluster.mutable_update_time()->set_seconds(absl::ToUnixSeconds(record.update_time));
  cluster.set_active_operation_id(record.active_operation_id);
  *cluster.mutable_topology() = record.topology;
  if (record.pending_topology.has_value()) {
    *cluster.mutable_pending_topology() = *record.pending_topology;
  }
  cluster.set_topology_etag(ConfigEtag(record));
  cluster.mutable_behind_machines()->Assign(record.behind.begin(), record.behind.end());
  for (const auto& instance : record.cluster.instances) {
    auto* out = cluster.add_instances();
    out->set_name(instance.name);
    out->set_component(FromWord<v1::Component>(topology::Name(instance.component)));
    out->set_host(instance.host);
    out->set_machine_id(instance.machine_id);
    out->set_port(static_cast<std::uint32_t>(instance.port));
    out->set_peer_port(static_cast<std::uint32_t>(instance.peer_port));
    out->set_cluster_port(static_cast<std::uint32_t>(instance.cluster_port));
    out->set_deploy_dir(instance.deploy_dir);
    out->set_data_dir(instance.data_dir);
    out->set_log_dir(instance.log_dir);
    out->set_unit(instance.Unit());
    out->set_patch_id(instance.patch);
    out->set_wanted_running(instance.wanted_running);
    out->set_wanted_enabled(instance.wanted_enabled);
    out->set_joining(instance.membership == topology::Membership::kJoining);
    out->set_reload_pending(AwaitsReload(record, instance.name));
  }
  return cluster;
}

absl::Status Show(store::Transaction& tx, const store::ClusterRecord& record, bool full,
                  v1::Cluster* cluster) {
  *cluster = ToApi(record);
  if (full) return FillPatches(tx, record, cluster);
  cluster->clear_topology();
  cluster->clear_pending_topology();
  return absl::OkStatus();
}

absl::Status FillPatches(store::Transaction& tx, const store::ClusterRecord& record,
                         v1::Cluster* cluster) {
  ASSIGN_OR_RETURN(const auto roles, store::ListRolePatches(tx, record.cluster.name));
  std::map<std::string, v1::ClusterPatch> patches;
  for (const auto& instance : record.cluster.instances) {
    if (!instance.patch.empty()) patches[instance.patch].add_instance_names(instance.name);
  }
  for (const auto& [component, patch] : roles) patches[patch].set_kept_for_new_instances(true);
  for (auto& [id, use] : patches) {
    ASSIGN_OR_RETURN(*use.mutable_patch(), store::GetPatch(tx, id));
    *cluster->add_patches() = std::move(use);
  }
  return absl::OkStatus();
}

}  // namespace dmgr::clusters

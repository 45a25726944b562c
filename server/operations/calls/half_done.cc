#include "server/operations/calls/half_done.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/error.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/plan/repair.h"
#include "server/operations/plan/step_json.h"
#include "server/store/operation_store.h"

namespace dmgr::operations {
namespace {

// Newest first; what is older was long ago.
constexpr int kLookedAt = 200;

// Hosts that an operation has been through to its end.
std::set<std::string> HostsOf(const store::OperationRecord& operation) {
  std::set<std::string> hosts;
  for (const auto& one : operation.steps) {
    // A repair gives up other versions on each host that it brings to the record as a whole.
    const bool is_partial =
        operation.operation.kind() == v1::OPERATION_KIND_REPAIR && one.runner != kRepairDrop;
    if (!is_partial && !one.step.host().empty()) hosts.insert(one.step.host());
  }
  return hosts;
}

std::int64_t MicrosOf(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000 + time.nanos() / 1'000;
}

// Those that the look has found with other files, and no step has restarted since.
absl::Status AddOwed(const store::OperationRecord& operation, const std::set<std::string>& machines,
                     HalfDone* half_done) {
  std::set<std::string> renewed;
  for (const auto& one : operation.steps) {
    const bool is_done = one.step.state() == v1::STEP_STATE_SUCCEEDED;
    if (!is_done || (one.runner != kRepairTurn && one.runner != kRepairRest)) continue;
    pv1::RepairParams params;
    RETURN_IF_ERROR(ReadStep(one.payload_json, &params));
    renewed.insert(params.instances().begin(), params.instances().end());
  }
  for (const auto& one : operation.steps) {
    if (one.runner != kRepairLook || !machines.contains(one.step.host())) continue;
    pv1::RepairSeen seen;
    RETURN_IF_ERROR(ReadStep(one.result_json, &seen));
    for (const auto& instance : seen.instances()) {
      if (!instance.differs() || !instance.ran() || renewed.contains(instance.name())) continue;
      pv1::OwedRestart& owed = half_done->owed.emplace_back();
      owed.set_instance(instance.name());
      owed.set_unix_micros(MicrosOf(one.step.end_time()));
    }
  }
  return absl::OkStatus();
}

class History {
 public:
  explicit History(const store::ClusterRecord& record) : record_(record) {}

  // Newest first.
  absl::Status Add(const store::OperationRecord& operation) {
    const auto kind = operation.operation.kind();
    if (operation.operation.state() == v1::OPERATION_STATE_SUCCEEDED) {
      settled_[kind].merge(HostsOf(operation));
      return absl::OkStatus();
    }
    std::set<std::string> here;
    for (const auto& one : operation.steps) {
      const std::string& host = one.step.host();
      const bool is_left =
          one.step.attempts() > 0 && one.step.state() != v1::STEP_STATE_UNDONE && !host.empty();
      if (is_left && !IsSettled(kind, host)) here.insert(host);
    }
    RETURN_IF_ERROR(AddOwed(operation, here, &half_done_));
    half_done_.machines.merge(here);
    return absl::OkStatus();
  }

  // Whether its steps must be read.
  bool Counts(const v1::Operation& operation) const {
    if (operation.cluster_uuid() != record_.cluster.uuid) return false;
    const bool only_runs = std::ranges::find(kOnlyRun, operation.kind()) != kOnlyRun.end();
    switch (operation.state()) {
      case v1::OPERATION_STATE_SUCCEEDED:
        return !only_runs;
      case v1::OPERATION_STATE_FAILED:
      case v1::OPERATION_STATE_CANCELLED:
        return !only_runs || operation.holds_cluster();
      default:
        return false;
    }
  }

  HalfDone Take() && { return std::move(half_done_); }

 private:
  // Done again since, or repaired.
  bool IsSettled(v1::OperationKind kind, const std::string& host) const {
    return std::ranges::any_of(settled_, [&](const auto& one) {
      return (one.first == kind || one.first == v1::OPERATION_KIND_REPAIR) &&
             one.second.contains(host);
    });
  }

  const store::ClusterRecord& record_;
  std::map<v1::OperationKind, std::set<std::string>> settled_;
  HalfDone half_done_;
};

}  // namespace

absl::StatusOr<HalfDone> FindHalfDone(const Resources& resources,
                                      const store::ClusterRecord& record) {
  History history(record);
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    v1::ListOperationsRequest filter;
    filter.set_cluster_name(record.cluster.name);
    ASSIGN_OR_RETURN(const auto listed, store::ListOperations(tx, filter, std::nullopt, kLookedAt));
    const auto last = std::find_if(listed.rbegin(), listed.rend(), [](const auto& one) {
                        return one.operation.state() == v1::OPERATION_STATE_FAILED ||
                               one.operation.state() == v1::OPERATION_STATE_CANCELLED;
                      }).base();
    for (auto one = listed.begin(); one != last; ++one) {
      if (!history.Counts(one->operation)) continue;
      ASSIGN_OR_RETURN(const auto whole, store::GetOperation(tx, one->operation.operation_id()));
      RETURN_IF_ERROR(history.Add(whole));
    }
    return absl::OkStatus();
  }));
  return std::move(history).Take();
}

}  // namespace dmgr::operations

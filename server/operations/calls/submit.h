// What the calls that make operations have in common.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_SUBMIT_H_
#define DMGR_SERVER_OPERATIONS_CALLS_SUBMIT_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/error.h"
#include "common/ids.h"
#include "common/messages.h"
#include "server/auth/fingerprint.h"
#include "server/clusters/to_api.h"
#include "server/engine/plan.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"

namespace dmgr::operations {

// What a dry run shows.
v1::Operation Preview(const engine::Plan& plan, const Caller& caller);

// The operation that an earlier call with the same request_id made, if any.
template <typename Request>
absl::StatusOr<std::optional<v1::Operation>> Repeated(const Resources& resources,
                                                      const Request& request,
                                                      const Caller& caller) {
  if (request.request_id().empty()) return std::nullopt;
  if (!IsUuid(request.request_id())) {
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_ID_INVALID",
                 "request_id is not a UUID")
        .Field("request_id", "must be a UUID such as 123e4567-e89b-42d3-a456-426614174000")
        .Remedy("send a new random UUID with every new call, and the same with its repeats");
  }
  std::optional<store::OperationRecord> record;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::FindByRequestId(tx, caller.user, request.request_id()));
    return absl::OkStatus();
  }));
  if (!record.has_value()) return std::nullopt;
  if (!auth::IsFingerprintOf(*resources.secrets, request, record->request_fingerprint)) {
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED",
                 "request_id {} was used for a different call", request.request_id())
        .Field("request_id", "take a new UUID for a new call");
  }
  return clusters::ToApi(*record);
}

// What a call is about to store.
struct Planned {
  engine::Plan plan = {};
  // The record that the plan was made from; nullopt: there was none.
  std::optional<store::ClusterRecord> from = {};
  // Takes the cluster from an operation that failed or was cancelled.
  bool supersede = false;
  // Stored with the operation, in its transaction.
  std::function<absl::Status(store::Transaction&)> store = {};
};

// Stores the operation, and what belongs to it. FAILED_PRECONDITION, CLUSTER_BUSY, when another one
// holds the cluster; ABORTED, CLUSTER_CHANGED, when its record is not any more what was planned
// from.
absl::Status Store(store::Transaction& tx, const Planned& planned,
                   const store::OperationRecord& record);

// Stores an operation, or only shows its plan.
template <typename Request>
absl::StatusOr<v1::Operation> Submit(const Resources& resources, const Request& request,
                                     const Caller& caller, const Planned& planned) {
  RETURN_IF_ERROR(engine::Check(planned.plan));
  if (request.validate_only()) return Preview(planned.plan, caller);
  auto record = engine::ToRecord(planned.plan, caller.user, request.request_id(),
                                 auth::FingerprintOf(*resources.secrets, request));
  Request echoed = request;
  Redact(&echoed);
  record.operation.mutable_request()->PackFrom(echoed);
  const absl::Status stored = resources.database->Transact(
      [&](store::Transaction& tx) { return Store(tx, planned, record); });
  if (stored.ok()) return clusters::ToApi(record);
  // The same call at the same time may have come first.
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  return stored;
}

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_SUBMIT_H_

// What the calls that make operations have in common.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_SUBMIT_H_
#define DMGR_SERVER_OPERATIONS_CALLS_SUBMIT_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/error.h"
#include "common/ids.h"
#include "server/engine/plan.h"
#include "server/operations/deploy/deploy.h"
#include "common/package/release.h"

namespace dmgr::operations {

// INVALID_ARGUMENT that lists all of them.
absl::Status InvalidTopology(const std::vector<topology::Problem>& problems);
// Every registered machine, and its identity by its id.
absl::Status ListMachineRefs(store::Transaction& tx, std::vector<topology::MachineRef>* machines,
                             std::vector<std::pair<std::string, std::string>>* identities);
// Renders every instance from the package tree: what cannot be rendered is refused now.
absl::Status CheckRender(const Services& services, const store::ClusterRecord& record);
absl::StatusOr<store::ClusterRecord> FindCluster(const Services& services, const std::string& name);
absl::StatusOr<std::vector<const topology::Instance*>> SelectInstances(
    const topology::Cluster& cluster, const v1::Selection& selection);
// Neither being deployed nor being destroyed.
absl::Status RequireDeployed(const store::ClusterRecord& record);
// No instance is half added: it would stay behind in the old version or configuration.
absl::Status RequireAllJoined(const store::ClusterRecord& record);
// The recorded configuration is all there is.
absl::Status RequireNoPending(const store::ClusterRecord& record);
// What a dry run shows.
v1::Operation Preview(const engine::Plan& plan, const Caller& caller);

// What two calls with one request_id must have in common.
template <typename Request>
std::string FingerprintOf(const Request& request) {
  Request bare = request;
  bare.clear_request_id();
  return package::HashText(bare.GetTypeName() + bare.SerializeAsString());
}

// The operation that an earlier call with the same request_id made, if any.
template <typename Request>
absl::StatusOr<std::optional<v1::Operation>> Repeated(const Services& services,
                                                      const Request& request,
                                                      const Caller& caller) {
  if (request.request_id().empty()) return std::nullopt;
  if (!IsUuid(request.request_id())) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_REQUEST_ID",
                 "request_id {} is not a UUID", request.request_id())
        .Field("request_id", "must be a UUID, or empty");
  }
  std::optional<store::OperationRecord> record;
  RETURN_IF_ERROR(services.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::FindByRequestId(tx, caller.user, request.request_id()));
    return absl::OkStatus();
  }));
  if (!record.has_value()) return std::nullopt;
  if (record->request_fingerprint != FingerprintOf(request)) {
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED",
                 "request_id {} was used for a different call", request.request_id())
        .Field("request_id", "take a new UUID for a new call");
  }
  return ToApi(*record);
}

// Stores an operation, after `first` in the same transaction, or only shows its plan.
template <typename Request>
absl::StatusOr<v1::Operation> Submit(
    const Services& services, const Request& request, const Caller& caller,
    const engine::Plan& plan, bool supersede,
    const std::function<absl::Status(store::Transaction&)>& first = nullptr) {
  RETURN_IF_ERROR(engine::Check(plan));
  if (request.validate_only()) return Preview(plan, caller);
  const auto record =
      engine::ToRecord(plan, caller.user, request.request_id(), FingerprintOf(request));
  const absl::Status stored =
      services.database->Transact([&](store::Transaction& tx) -> absl::Status {
        if (first != nullptr) RETURN_IF_ERROR(first(tx));
        return store::InsertOperation(tx, record, supersede);
      });
  if (stored.ok()) return ToApi(record);
  // The same call at the same time may have come first.
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  return stored;
}

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_SUBMIT_H_

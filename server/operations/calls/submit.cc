#include "server/operations/calls/submit.h"

namespace dmgr::operations {

v1::Operation Preview(const engine::Plan& plan, const Caller& caller) {
  v1::Operation operation = clusters::ToApi(engine::ToRecord(plan, caller.user, "", ""));
  operation.clear_operation_id();
  operation.clear_state();
  return operation;
}

absl::Status Store(store::Transaction& tx, const Planned& planned,
                   const store::OperationRecord& record) {
  if (planned.from.has_value()) {
    // Under the lock nobody else takes the cluster; whoever has taken it tells more than that it
    // was changed.
    const absl::Status unchanged = store::LockUnchanged(tx, *planned.from);
    RETURN_IF_ERROR(store::CheckFree(tx, planned.plan.cluster_name, planned.supersede));
    RETURN_IF_ERROR(unchanged);
  }
  if (planned.store) RETURN_IF_ERROR(planned.store(tx));
  return store::InsertOperation(tx, record, planned.supersede);
}

}  // namespace dmgr::operations

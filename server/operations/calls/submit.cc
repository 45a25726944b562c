#include "server/operations/calls/submit.h"

namespace dmgr::operations {

v1::Operation Preview(const engine::Plan& plan, const Caller& caller) {
  v1::Operation operation = clusters::ToApi(engine::ToRecord(plan, caller.user, "", ""));
  operation.clear_operation_id();
  operation.clear_state();
  return operation;
}

}  // namespace dmgr::operations

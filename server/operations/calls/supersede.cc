#include "server/operations/calls/supersede.h"

#include <algorithm>

#include "common/error.h"
#include "server/store/operation_store.h"

namespace dmgr::operations {
namespace {

// The operation that holds the cluster; one without a kind when there is none any more.
store::OperationRecord HolderOf(const Resources& resources, const Subject& subject) {
  store::OperationRecord holder;
  const std::string& id = subject.record.active_operation_id;
  if (id.empty()) return holder;
  const absl::Status read = resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(holder, store::GetOperation(tx, id));
    return absl::OkStatus();
  });
  return read.ok() ? holder : store::OperationRecord();
}

}  // namespace

bool IsHeldBy(const Resources& resources, const Subject& subject,
              std::initializer_list<v1::OperationKind> kinds) {
  const v1::OperationKind kind = HolderOf(resources, subject).operation.kind();
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool CanBeRepaired(const Resources& resources, const Subject& subject) {
  const store::OperationRecord holder = HolderOf(resources, subject);
  switch (holder.operation.kind()) {
    case v1::OPERATION_KIND_START:
    case v1::OPERATION_KIND_STOP:
    case v1::OPERATION_KIND_RESTART:
    case v1::OPERATION_KIND_ENABLE:
    case v1::OPERATION_KIND_DISABLE:
    case v1::OPERATION_KIND_RELOAD:
    case v1::OPERATION_KIND_UPGRADE:
    case v1::OPERATION_KIND_PATCH:
    case v1::OPERATION_KIND_SCALE_OUT:
    case v1::OPERATION_KIND_REPAIR:
      return true;
    case v1::OPERATION_KIND_SCALE_IN:
    case v1::OPERATION_KIND_MOVE_MACHINE:
      // Once DM has let one go that is still recorded, it must not be started again.
      return std::none_of(holder.steps.begin(), holder.steps.end(), [](const auto& step) {
        return step.step.point_of_no_return() && step.step.attempts() > 0;
      });
    default:
      return false;
  }
}

}  // namespace dmgr::operations

#include "server/rpc/shard_lock_service.h"

#include "server/operations/mend/mend.h"
#include "server/rpc/mutation.h"

namespace dmgr::rpc {

grpc::Status ShardLockServiceImpl::ListShardLocks(grpc::ServerContext* context,
                                                  const v1::ListShardLocksRequest* request,
                                                  v1::ListShardLocksResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, operations::ListShardLocks(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status ShardLockServiceImpl::UnlockShardLock(grpc::ServerContext* context,
                                                   const v1::UnlockShardLockRequest* request,
                                                   v1::UnlockShardLockResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::UnlockShardLock);
}

}  // namespace dmgr::rpc

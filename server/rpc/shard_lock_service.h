// ShardLockService.
#ifndef DMGR_SERVER_RPC_SHARD_LOCK_SERVICE_H_
#define DMGR_SERVER_RPC_SHARD_LOCK_SERVICE_H_

#include "dmgr/v1/shard_lock_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class ShardLockServiceImpl final : public v1::ShardLockService::Service {
 public:
  ShardLockServiceImpl(Guard* guard, const Resources* services)
      : guard_(guard), services_(services) {}

  grpc::Status ListShardLocks(grpc::ServerContext* context,
                              const v1::ListShardLocksRequest* request,
                              v1::ListShardLocksResponse* response) override;
  grpc::Status UnlockShardLock(grpc::ServerContext* context,
                               const v1::UnlockShardLockRequest* request,
                               v1::UnlockShardLockResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_SHARD_LOCK_SERVICE_H_

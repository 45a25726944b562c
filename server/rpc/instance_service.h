// InstanceService.
#ifndef DMGR_SERVER_RPC_INSTANCE_SERVICE_H_
#define DMGR_SERVER_RPC_INSTANCE_SERVICE_H_

#include "dmgr/v1/instance_service.grpc.pb.h"
#include "server/instances/streams.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"
#include "server/rpc/session_watch.h"

namespace dmgr::rpc {

// Its calls are few, and each has a thread a host anyway: they are synchronous.
class InstanceServiceImpl final : public v1::InstanceService::Service {
 public:
  InstanceServiceImpl(Guard* guard, const Resources* services, SessionWatch* sessions,
                      instances::Places* places)
      : guard_(guard), services_(services), sessions_(sessions), places_(places) {}

  grpc::Status ReadLogs(grpc::ServerContext* context, const v1::ReadLogsRequest* request,
                        grpc::ServerWriter<v1::ReadLogsResponse>* writer) override;
  grpc::Status Exec(grpc::ServerContext* context, const v1::ExecRequest* request,
                    grpc::ServerWriter<v1::ExecResponse>* writer) override;
  grpc::Status PushFile(grpc::ServerContext* context,
                        grpc::ServerReader<v1::PushFileRequest>* reader,
                        v1::PushFileResponse* response) override;
  grpc::Status PullFile(grpc::ServerContext* context, const v1::PullFileRequest* request,
                        grpc::ServerWriter<v1::PullFileResponse>* writer) override;
  grpc::Status RunDmctl(grpc::ServerContext* context, const v1::RunDmctlRequest* request,
                        grpc::ServerWriter<v1::RunDmctlResponse>* writer) override;
  grpc::Status DiagnoseCluster(grpc::ServerContext* context,
                               const v1::DiagnoseClusterRequest* request,
                               grpc::ServerWriter<v1::DiagnoseClusterResponse>* writer) override;

 private:
  // Runs a call that answers with a stream: work(audit, gone, write).
  template <typename Request, typename Response, typename Work>
  grpc::Status Stream(grpc::ServerContext* context, const Request& request,
                      grpc::ServerWriter<Response>* writer, const Work& work);

  Guard* guard_;
  const Resources* services_;
  SessionWatch* sessions_;
  instances::Places* places_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_INSTANCE_SERVICE_H_

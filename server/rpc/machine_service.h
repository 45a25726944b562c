// MachineService.
#ifndef DMGR_SERVER_RPC_MACHINE_SERVICE_H_
#define DMGR_SERVER_RPC_MACHINE_SERVICE_H_

#include "dmgr/v1/machine_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class MachineServiceImpl final : public v1::MachineService::Service {
 public:
  MachineServiceImpl(Guard* guard, const Resources* services)
      : guard_(guard), services_(services) {}

  grpc::Status CreateMachine(grpc::ServerContext* context, const v1::CreateMachineRequest* request,
                             v1::CreateMachineResponse* response) override;
  grpc::Status GetMachine(grpc::ServerContext* context, const v1::GetMachineRequest* request,
                          v1::GetMachineResponse* response) override;
  grpc::Status ListMachines(grpc::ServerContext* context, const v1::ListMachinesRequest* request,
                            v1::ListMachinesResponse* response) override;
  grpc::Status UpdateMachine(grpc::ServerContext* context, const v1::UpdateMachineRequest* request,
                             v1::UpdateMachineResponse* response) override;
  grpc::Status ReplaceMachine(grpc::ServerContext* context,
                              const v1::ReplaceMachineRequest* request,
                              v1::ReplaceMachineResponse* response) override;
  grpc::Status DeleteMachine(grpc::ServerContext* context, const v1::DeleteMachineRequest* request,
                             v1::DeleteMachineResponse* response) override;
  grpc::Status CheckMachine(grpc::ServerContext* context, const v1::CheckMachineRequest* request,
                            v1::CheckMachineResponse* response) override;
  grpc::Status CleanMachine(grpc::ServerContext* context, const v1::CleanMachineRequest* request,
                            v1::CleanMachineResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_MACHINE_SERVICE_H_

// TableStructureService.
#ifndef DMGR_SERVER_RPC_TABLE_STRUCTURE_SERVICE_H_
#define DMGR_SERVER_RPC_TABLE_STRUCTURE_SERVICE_H_

#include "dmgr/v1/table_structure_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class TableStructureServiceImpl final : public v1::TableStructureService::Service {
 public:
  TableStructureServiceImpl(Guard* guard, const Resources* services)
      : guard_(guard), services_(services) {}

  grpc::Status GetTableStructure(grpc::ServerContext* context,
                                 const v1::GetTableStructureRequest* request,
                                 v1::GetTableStructureResponse* response) override;
  grpc::Status ListTaskTables(grpc::ServerContext* context,
                              const v1::ListTaskTablesRequest* request,
                              v1::ListTaskTablesResponse* response) override;
  grpc::Status SetTableStructure(grpc::ServerContext* context,
                                 const v1::SetTableStructureRequest* request,
                                 v1::SetTableStructureResponse* response) override;
  grpc::Status RemoveTableStructure(grpc::ServerContext* context,
                                    const v1::RemoveTableStructureRequest* request,
                                    v1::RemoveTableStructureResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TABLE_STRUCTURE_SERVICE_H_

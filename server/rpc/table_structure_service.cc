#include "server/rpc/table_structure_service.h"

#include "server/operations/mend/mend.h"
#include "server/rpc/mutation.h"

namespace dmgr::rpc {

grpc::Status TableStructureServiceImpl::GetTableStructure(
    grpc::ServerContext* context, const v1::GetTableStructureRequest* request,
    v1::GetTableStructureResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, operations::GetTableStructure(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status TableStructureServiceImpl::ListTaskTables(grpc::ServerContext* context,
                                                       const v1::ListTaskTablesRequest* request,
                                                       v1::ListTaskTablesResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, operations::ListTaskTables(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status TableStructureServiceImpl::SetTableStructure(
    grpc::ServerContext* context, const v1::SetTableStructureRequest* request,
    v1::SetTableStructureResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response,
                     operations::SetTableStructure);
}

grpc::Status TableStructureServiceImpl::RemoveTableStructure(
    grpc::ServerContext* context, const v1::RemoveTableStructureRequest* request,
    v1::RemoveTableStructureResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response,
                     operations::RemoveTableStructure);
}

}  // namespace dmgr::rpc

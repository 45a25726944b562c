// AuditService.
#ifndef DMGR_SERVER_RPC_AUDIT_SERVICE_H_
#define DMGR_SERVER_RPC_AUDIT_SERVICE_H_

#include "dmgr/v1/audit_service.grpc.pb.h"
#include "server/auth/secret_box.h"
#include "server/rpc/guard.h"
#include "server/store/audit_store.h"
#include "server/store/database.h"

namespace dmgr::rpc {

class AuditServiceImpl final : public v1::AuditService::Service {
 public:
  AuditServiceImpl(Guard* guard, store::Database* database, const auth::SecretBox* secrets)
      : guard_(guard), database_(database), secrets_(secrets) {}

  grpc::Status ListAuditRecords(grpc::ServerContext* context,
                                const v1::ListAuditRecordsRequest* request,
                                v1::ListAuditRecordsResponse* response) override;
  grpc::Status VerifyAuditLog(grpc::ServerContext* context,
                              const v1::VerifyAuditLogRequest* request,
                              v1::VerifyAuditLogResponse* response) override;

 private:
  Guard* guard_;
  store::Database* database_;
  const auth::SecretBox* secrets_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_AUDIT_SERVICE_H_

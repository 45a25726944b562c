#include "server/rpc/audit_service.h"

#include <cstdlib>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/rpc/pages.h"
#include "server/secrets/audit_chain.h"

namespace dmgr::rpc {

grpc::Status AuditServiceImpl::ListAuditRecords(grpc::ServerContext* context,
                                                const v1::ListAuditRecordsRequest* request,
                                                v1::ListAuditRecordsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string key, PageKey(request->page_token()));
    const std::int64_t before = key.empty() ? 0 : std::strtoll(key.c_str(), nullptr, 10);
    if (!key.empty() && before <= 0) return PageKey("?").status();
    std::vector<v1::AuditRecord> records;
    RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(records, store::ListAudit(tx, *request, before, size + 1));
      return absl::OkStatus();
    }));
    FillPage(
        records, size,
        [&](const v1::AuditRecord& record) {
          *response->add_records() = record;
          return std::to_string(record.audit_id());
        },
        response);
    return absl::OkStatus();
  });
}

grpc::Status AuditServiceImpl::VerifyAuditLog(grpc::ServerContext* context,
                                              const v1::VerifyAuditLogRequest* request,
                                              v1::VerifyAuditLogResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    std::vector<store::FormerChain> former;
    RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(former, secrets::FormerChainsOf(tx, *secrets_));
      return absl::OkStatus();
    }));
    store::AuditVerifier verifier(secrets::ChainOf(*secrets_), std::move(former), *request,
                                  response);
    for (bool more = true; more && !context->IsCancelled();) {
      RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
        ASSIGN_OR_RETURN(more, verifier.Next(tx));
        return absl::OkStatus();
      }));
    }
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc

#include "server/rpc/operation_service.h"

#include <fmt/format.h>

#include "common/error.h"
#include "server/clusters/to_api.h"
#include "server/rpc/pages.h"
#include "server/rpc/watcher.h"
#include "server/store/operation_store.h"

namespace dmgr::rpc {
namespace {

constexpr int kMaxEvents = 5000;

absl::StatusOr<v1::Operation> Load(store::Database* database, const std::string& operation_id) {
  v1::Operation operation;
  RETURN_IF_ERROR(database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(auto record, store::GetOperation(tx, operation_id));
    operation = clusters::ToApi(record);
    return absl::OkStatus();
  }));
  return operation;
}

absl::Status LoadEvents(store::Database* database, const std::string& operation_id,
                        v1::GetOperationResponse* response) {
  return database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto events, store::ListEvents(tx, operation_id, 0, kMaxEvents));
    *response->mutable_events() = {events.begin(), events.end()};
    return absl::OkStatus();
  });
}

// Position of a row in the list: its create time and id.
std::string PositionOf(const store::OperationRecord& record) {
  const auto& time = record.operation.create_time();
  return fmt::format("{}.{:09}/{}", time.seconds(), time.nanos(), record.operation.operation_id());
}

absl::StatusOr<std::optional<std::pair<absl::Time, std::string>>> ParsePosition(
    const std::string& key) {
  if (key.empty()) return std::nullopt;
  long long seconds = 0;
  int nanos = 0;
  int used = 0;
  if (std::sscanf(key.c_str(), "%lld.%9d/%n", &seconds, &nanos, &used) != 2 || used == 0) {
    return PageKey("?").status();
  }
  return std::make_pair(absl::FromUnixSeconds(seconds) + absl::Nanoseconds(nanos),
                        key.substr(static_cast<std::size_t>(used)));
}

}  // namespace

grpc::Status OperationServiceImpl::GetOperation(grpc::ServerContext* context,
                                                const v1::GetOperationRequest* request,
                                                v1::GetOperationResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    const std::string& id = request->operation_id();
    ASSIGN_OR_RETURN(*response->mutable_operation(), Load(services_->database, id));
    if (!request->include_events()) return absl::OkStatus();
    return LoadEvents(services_->database, id, response);
  });
}

grpc::Status OperationServiceImpl::ListOperations(grpc::ServerContext* context,
                                                  const v1::ListOperationsRequest* request,
                                                  v1::ListOperationsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string key, PageKey(request->page_token()));
    ASSIGN_OR_RETURN(const auto before, ParsePosition(key));
    std::vector<store::OperationRecord> records;
    RETURN_IF_ERROR(services_->database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(records,
                       store::ListOperations(tx, request->cluster_name(), before, size + 1));
      return absl::OkStatus();
    }));
    FillPage(
        records, size,
        [&](const store::OperationRecord& record) {
          *response->add_operations() = record.operation;
          return PositionOf(record);
        },
        response);
    return absl::OkStatus();
  });
}

template <typename Request, typename Response>
grpc::Status OperationServiceImpl::Change(const grpc::ServerContext& context,
                                          absl::Status (*change)(store::Transaction&,
                                                                 const std::string&),
                                          const Request& request, Response* response) {
  return guard_->Run(context, request, [&](const Session&, Audit* audit) -> absl::Status {
    audit->operation_id = request.operation_id();
    RETURN_IF_ERROR(services_->database->Transact(
        [&](store::Transaction& tx) { return change(tx, request.operation_id()); }));
    ASSIGN_OR_RETURN(*response->mutable_operation(),
                     Load(services_->database, request.operation_id()));
    audit->target = response->operation().cluster_name();
    return absl::OkStatus();
  });
}

grpc::Status OperationServiceImpl::CancelOperation(grpc::ServerContext* context,
                                                   const v1::CancelOperationRequest* request,
                                                   v1::CancelOperationResponse* response) {
  return Change(*context, store::RequestCancel, *request, response);
}

grpc::Status OperationServiceImpl::ResumeOperation(grpc::ServerContext* context,
                                                   const v1::ResumeOperationRequest* request,
                                                   v1::ResumeOperationResponse* response) {
  return Change(*context, store::RequestResume, *request, response);
}

grpc::Status OperationServiceImpl::RollbackOperation(grpc::ServerContext* context,
                                                     const v1::RollbackOperationRequest* request,
                                                     v1::RollbackOperationResponse* response) {
  return Change(*context, store::RequestRollback, *request, response);
}

grpc::Status OperationServiceImpl::AbandonOperation(grpc::ServerContext* context,
                                                    const v1::AbandonOperationRequest* request,
                                                    v1::AbandonOperationResponse* response) {
  return Change(*context, store::Abandon, *request, response);
}

grpc::ServerWriteReactor<v1::WatchOperationResponse>* OperationServiceImpl::WatchOperation(
    grpc::CallbackServerContext* context, const v1::WatchOperationRequest* request) {
  const std::string id = request->operation_id();
  auto session = guard_->Admit(*context, *request);
  auto operation = session.ok() ? Load(services_->database, id)
                                : absl::StatusOr<v1::Operation>(session.status());
  return StartWatcher(std::move(operation), request->after_sequence(), feed_,
                      [database = services_->database, id] { return Load(database, id); });
}

}  // namespace dmgr::rpc

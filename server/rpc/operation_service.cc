#include "server/rpc/operation_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/error.h"
#include "server/clusters/to_api.h"
#include "server/rpc/list_watcher.h"
#include "server/rpc/pages.h"
#include "server/rpc/waiter.h"
#include "server/rpc/watcher.h"
#include "server/store/operation_store.h"

namespace dmgr::rpc {
namespace {

constexpr absl::Duration kLongestWait = absl::Hours(1);

absl::StatusOr<store::OperationRecord> LoadRecord(store::Database* database,
                                                  const std::string& operation_id) {
  store::OperationRecord record;
  RETURN_IF_ERROR(database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetOperation(tx, operation_id));
    return store::ReadRequest(tx, &record.operation);
  }));
  return record;
}

absl::StatusOr<v1::Operation> Load(store::Database* database, const std::string& operation_id) {
  ASSIGN_OR_RETURN(const auto record, LoadRecord(database, operation_id));
  return clusters::ToApi(record);
}

// Without its steps: at the end of an operation each of its watchers asks.
absl::StatusOr<v1::Operation> LoadRow(store::Database* database, const std::string& operation_id) {
  std::vector<store::OperationRecord> records;
  RETURN_IF_ERROR(database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(records, store::GetOperations(tx, {operation_id}));
    return absl::OkStatus();
  }));
  if (records.empty()) return absl::NotFoundError("the operation is gone");
  return records.front().operation;
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
    ASSIGN_OR_RETURN(*response->mutable_operation(),
                     Load(services_->database, request->operation_id()));
    return absl::OkStatus();
  });
}

grpc::Status OperationServiceImpl::ListOperations(grpc::ServerContext* context,
                                                  const v1::ListOperationsRequest* request,
                                                  v1::ListOperationsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto seen, guard_->scope().Seen(session.rights));
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string key, PageKey(request->page_token()));
    ASSIGN_OR_RETURN(const auto before, ParsePosition(key));
    std::vector<store::OperationRecord> records;
    RETURN_IF_ERROR(services_->database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(records, store::ListOperations(tx, *request, before, size + 1, seen));
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

grpc::Status OperationServiceImpl::ListOperationEvents(
    grpc::ServerContext* context, const v1::ListOperationEventsRequest* request,
    v1::ListOperationEventsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string key, PageKey(request->page_token()));
    std::uint64_t after = request->after_sequence();
    if (!key.empty()) {
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), after);
      if (error != std::errc() || end != key.data() + key.size()) return PageKey("?").status();
    }
    std::vector<v1::OperationEvent> events;
    RETURN_IF_ERROR(services_->database->Read([&](store::Transaction& tx) -> absl::Status {
      // NOT_FOUND, where there is no operation, is no empty list.
      RETURN_IF_ERROR(store::GetOperation(tx, request->operation_id()).status());
      ASSIGN_OR_RETURN(events, store::ListEvents(tx, request->operation_id(), after, size + 1));
      return absl::OkStatus();
    }));
    FillPage(
        events, size,
        [&](const v1::OperationEvent& event) {
          *response->add_events() = event;
          return std::to_string(event.sequence());
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
  return guard_->RunChange(
      context, request, response,
      [&](const Session&, Audit* audit, const store::Finish& finish) -> absl::Status {
        const std::string& id = request.operation_id();
        audit->operation_id = id;
        return services_->database->Transact([&](store::Transaction& tx) -> absl::Status {
          RETURN_IF_ERROR(change(tx, id));
          ASSIGN_OR_RETURN(auto record, store::GetOperation(tx, id));
          RETURN_IF_ERROR(store::ReadRequest(tx, &record.operation));
          audit->target = record.operation.cluster_name();
          *response->mutable_operation() = clusters::ToApi(record);
          if (record.operation.abandoned()) {
            RETURN_IF_ERROR(clusters::AddWaysOut(tx, response->mutable_operation()));
          }
          return finish(tx, *response);
        });
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

grpc::ServerUnaryReactor* OperationServiceImpl::WaitOperation(
    grpc::CallbackServerContext* context, const v1::WaitOperationRequest* request,
    v1::WaitOperationResponse* response) {
  const auto reload = [database = services_->database, id = request->operation_id()] {
    return Load(database, id);
  };
  const auto caller = guard_->Admit(*context, *request);
  const absl::Duration asked = request->has_timeout()
                                   ? absl::Seconds(request->timeout().seconds()) +
                                         absl::Nanoseconds(request->timeout().nanos())
                                   : kLongestWait;
  return StartWaiter(caller.ok() ? reload() : caller.status(),
                     caller.ok() ? caller->session.key : store::CallerKey(),
                     std::clamp(asked, absl::ZeroDuration(), kLongestWait), news_.Holding(caller),
                     reload, response);
}

grpc::ServerWriteReactor<v1::WatchOperationResponse>* OperationServiceImpl::WatchOperation(
    grpc::CallbackServerContext* context, const v1::WatchOperationRequest* request) {
  const auto reload = [database = services_->database, id = request->operation_id()] {
    return LoadRow(database, id);
  };
  const auto caller = guard_->Admit(*context, *request);
  return StartWatcher(
      caller.ok() ? LoadRecord(services_->database, request->operation_id()) : caller.status(),
      caller.ok() ? caller->session.key : store::CallerKey(), request->after_sequence(),
      news_.Holding(caller), reload);
}

grpc::ServerWriteReactor<v1::WatchOperationsResponse>* OperationServiceImpl::WatchOperations(
    grpc::CallbackServerContext* context, const v1::WatchOperationsRequest* request) {
  const auto caller = guard_->Admit(*context, *request);
  return StartListWatcher(caller, request->cluster_name(), news_.Holding(caller), &guard_->scope(),
                          services_->database);
}

}  // namespace dmgr::rpc

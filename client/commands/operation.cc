// operation list, show, watch, cancel, resume, rollback, abandon.
#include "client/commands/command.h"
#include "client/progress/watch.h"
#include "common/error.h"

namespace dmgr::client {
namespace {

constexpr int kListed = 50;

Run DeclareList(CLI::App* app) {
  auto cluster = std::make_shared<std::string>();
  auto limit = std::make_shared<int>(kListed);
  app->add_option("--cluster", *cluster, "only of this cluster");
  app->add_option("--limit", *limit, "at most so many (50)")->check(CLI::Range(1, 1000));
  return [cluster, limit](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::ListOperationsRequest request;
    request.set_cluster_name(*cluster);
    request.set_page_size(*limit);
    v1::ListOperationsResponse response;
    RETURN_IF_ERROR(connection.Call(
        connection.operations(), &v1::OperationService::Stub::ListOperations, request, &response));
    environment.Print(response);
    return kDone;
  };
}

std::shared_ptr<std::string> DeclareId(CLI::App* app) {
  auto id = std::make_shared<std::string>();
  app->add_option("OPERATION", *id, "operation id")->required();
  return id;
}

absl::StatusOr<v1::ListOperationEventsResponse> AllEvents(Connection& connection,
                                                          const std::string& id) {
  v1::ListOperationEventsRequest request;
  request.set_operation_id(id);
  request.set_page_size(1000);
  v1::ListOperationEventsResponse all;
  do {
    v1::ListOperationEventsResponse page;
    RETURN_IF_ERROR(connection.Call(
        connection.operations(), &v1::OperationService::Stub::ListOperationEvents, request, &page));
    all.mutable_events()->MergeFrom(page.events());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

Run DeclareShow(CLI::App* app) {
  auto id = DeclareId(app);
  auto steps = std::make_shared<bool>(true);
  auto events = std::make_shared<bool>(false);
  app->add_flag("--steps", *steps, "its steps, which are always shown");
  app->add_flag("--events", *events, "its events, too");
  return [id, steps, events](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::GetOperationRequest request;
    request.set_operation_id(*id);
    v1::GetOperationResponse response;
    RETURN_IF_ERROR(connection.Call(connection.operations(),
                                    &v1::OperationService::Stub::GetOperation, request, &response));
    if (!*events) {
      environment.Print(response);
      return kDone;
    }
    ASSIGN_OR_RETURN(const auto all, AllEvents(connection, *id));
    if (environment.structured()) {
      Json both = Json::parse(ToJson(response));
      both["events"] = Json::parse(ToJson(all))["events"];
      environment.PrintStructured(both);
    } else {
      environment.terminal->out() << ToTable(response) << "\n" << ToTable(all);
    }
    return kDone;
  };
}

Run DeclareWatch(CLI::App* app) {
  auto id = DeclareId(app);
  return [id](Environment& environment) { return Watch(environment, *id, 0); };
}

template <typename Request, typename Response>
using Method = grpc::Status (v1::OperationService::Stub::*)(grpc::ClientContext*, const Request&,
                                                            Response*);

// Calls a method that changes an operation and answers with it.
template <typename Request, typename Response>
absl::StatusOr<v1::Operation> Change(Connection& connection, Method<Request, Response> method,
                                     const std::string& id) {
  Request request;
  request.set_operation_id(id);
  Response response;
  RETURN_IF_ERROR(connection.Call(connection.operations(), method, request, &response));
  return response.operation();
}

void PrintOperation(Environment& environment, const v1::Operation& operation) {
  v1::GetOperationResponse shown;
  *shown.mutable_operation() = operation;
  environment.Print(shown);
}

Run DeclareCancel(CLI::App* app) {
  auto id = DeclareId(app);
  return [id](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(
        const auto operation,
        (Change<v1::CancelOperationRequest, v1::CancelOperationResponse>(
            environment.connection(), &v1::OperationService::Stub::CancelOperation, *id)));
    PrintOperation(environment, operation);
    return kDone;
  };
}

Run DeclareAbandon(CLI::App* app) {
  auto id = DeclareId(app);
  auto yes = std::make_shared<bool>(false);
  app->add_flag("-y,--yes", *yes, "do not ask");
  return [id, yes](Environment& environment) -> absl::StatusOr<ExitCode> {
    if (!*yes) {
      ASSIGN_OR_RETURN(const bool sure,
                       environment.terminal->Confirm(
                           "The cluster stays as it is now; this operation can then be neither "
                           "resumed nor rolled back. Abandon it?"));
      if (!sure) return kRefused;
    }
    ASSIGN_OR_RETURN(
        const auto operation,
        (Change<v1::AbandonOperationRequest, v1::AbandonOperationResponse>(
            environment.connection(), &v1::OperationService::Stub::AbandonOperation, *id)));
    PrintOperation(environment, operation);
    return kDone;
  };
}

// Resume and rollback: the operation goes on, and is watched.
template <typename Request, typename Response>
Run DeclareGoOn(CLI::App* app, Method<Request, Response> method) {
  auto id = DeclareId(app);
  auto detach = std::make_shared<bool>(false);
  app->add_flag("--detach", *detach, "leave the operation running and return");
  return [id, detach, method](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    // What came before is not shown again.
    v1::GetOperationRequest before;
    before.set_operation_id(*id);
    v1::GetOperationResponse seen;
    RETURN_IF_ERROR(connection.Call(connection.operations(),
                                    &v1::OperationService::Stub::GetOperation, before, &seen));
    ASSIGN_OR_RETURN(const auto operation, (Change<Request, Response>(connection, method, *id)));
    ChangeOptions change;
    change.detach = true;
    if (*detach) return Follow(environment, operation, change);
    const bool back = operation.phase() == v1::OPERATION_PHASE_ROLLBACK;
    return Watch(environment, *id, seen.operation().last_sequence(),
                 back ? v1::OPERATION_STATE_ROLLED_BACK : v1::OPERATION_STATE_SUCCEEDED);
  };
}

Run DeclareResume(CLI::App* app) {
  return DeclareGoOn<v1::ResumeOperationRequest, v1::ResumeOperationResponse>(
      app, &v1::OperationService::Stub::ResumeOperation);
}

Run DeclareRollback(CLI::App* app) {
  return DeclareGoOn<v1::RollbackOperationRequest, v1::RollbackOperationResponse>(
      app, &v1::OperationService::Stub::RollbackOperation);
}

}  // namespace

std::vector<Command> OperationCommands() {
  return {{"operation list", "list operations, newest first",
           "dmgrctl operation list --cluster demo", DeclareList},
          {"operation show", "show an operation and its steps",
           "dmgrctl operation show ID --events", DeclareShow},
          {"operation watch", "watch an operation to its end", "dmgrctl operation watch ID",
           DeclareWatch},
          {"operation cancel", "end an operation after its running steps",
           "dmgrctl operation cancel ID", DeclareCancel},
          {"operation resume", "go on with a failed or cancelled operation",
           "dmgrctl operation resume ID", DeclareResume},
          {"operation rollback", "undo a failed or cancelled operation",
           "dmgrctl operation rollback ID", DeclareRollback},
          {"operation abandon", "leave the cluster as a failed or cancelled operation left it",
           "dmgrctl operation abandon ID", DeclareAbandon}};
}

}  // namespace dmgr::client

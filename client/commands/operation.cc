// operation list, show, watch, cancel, resume.
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

Run DeclareShow(CLI::App* app) {
  auto id = DeclareId(app);
  return [id](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::GetOperationRequest request;
    request.set_operation_id(*id);
    v1::GetOperationResponse response;
    RETURN_IF_ERROR(connection.Call(connection.operations(),
                                    &v1::OperationService::Stub::GetOperation, request, &response));
    environment.Print(response);
    return kDone;
  };
}

Run DeclareWatch(CLI::App* app) {
  auto id = DeclareId(app);
  return [id](Environment& environment) { return Watch(environment, *id, 0); };
}

Run DeclareCancel(CLI::App* app) {
  auto id = DeclareId(app);
  return [id](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::CancelOperationRequest request;
    request.set_operation_id(*id);
    v1::CancelOperationResponse response;
    RETURN_IF_ERROR(connection.Call(
        connection.operations(), &v1::OperationService::Stub::CancelOperation, request, &response));
    v1::GetOperationResponse shown;
    *shown.mutable_operation() = response.operation();
    environment.Print(shown);
    return kDone;
  };
}

Run DeclareResume(CLI::App* app) {
  auto id = DeclareId(app);
  auto detach = std::make_shared<bool>(false);
  app->add_flag("--detach", *detach, "leave the operation running and return");
  return [id, detach](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::ResumeOperationRequest request;
    request.set_operation_id(*id);
    // What came before is not shown again.
    v1::GetOperationRequest before;
    before.set_operation_id(*id);
    v1::GetOperationResponse seen;
    RETURN_IF_ERROR(connection.Call(connection.operations(),
                                    &v1::OperationService::Stub::GetOperation, before, &seen));
    v1::ResumeOperationResponse response;
    RETURN_IF_ERROR(connection.Call(
        connection.operations(), &v1::OperationService::Stub::ResumeOperation, request, &response));
    ChangeOptions change;
    change.detach = true;
    if (*detach) return Follow(environment, response.operation(), change);
    return Watch(environment, *id, seen.operation().last_sequence());
  };
}

}  // namespace

std::vector<Command> OperationCommands() {
  return {{"operation list", "list operations, newest first",
           "dmgrctl operation list --cluster demo", DeclareList},
          {"operation show", "show an operation and its steps", "dmgrctl operation show ID",
           DeclareShow},
          {"operation watch", "watch an operation to its end", "dmgrctl operation watch ID",
           DeclareWatch},
          {"operation cancel", "end an operation after its running steps",
           "dmgrctl operation cancel ID", DeclareCancel},
          {"operation resume", "go on with a failed or cancelled operation",
           "dmgrctl operation resume ID", DeclareResume}};
}

}  // namespace dmgr::client

// operation cancel, resume, rollback, abandon: what changes one.
#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/operation_choice.h"
#include "client/progress/watch.h"
#include "dmgr/v1/operation_service.pb.h"

namespace dmgr::client {
namespace {

struct Options {
  ChangeOptions change;
  OperationChoice choice;
};

std::shared_ptr<Options> DeclareCommon(const Syntax& syntax) {
  auto options = std::make_shared<Options>();
  DeclareOperation(syntax, &options->choice);
  return options;
}

template <typename Request>
Request About(const std::string& id) {
  Request request;
  request.set_operation_id(id);
  return request;
}

// Makes a call that changes an operation, and shows the operation of its answer.
template <typename Response, typename Request>
absl::StatusOr<ExitCode> ChangeAndShow(Environment& environment, const Options& options,
                                       const std::string& id) {
  ASSIGN_OR_RETURN(const auto response,
                   Make<Response>(environment, options.change, About<Request>(id)));
  if (options.change.dry_run) return Tell(environment, options.change, response, "");
  v1::GetOperationResponse shown;
  *shown.mutable_operation() = response.operation();
  environment.Print(shown);
  return kDone;
}

Run DeclareCancel(const Syntax& syntax) {
  auto options = DeclareCommon(syntax);
  DeclareAsked(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const std::string id, OperationOf(environment, options->choice));
    return ChangeAndShow<v1::CancelOperationResponse, v1::CancelOperationRequest>(environment,
                                                                                  *options, id);
  };
}

Run DeclareAbandon(const Syntax& syntax) {
  auto options = DeclareCommon(syntax);
  DeclareAsked(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const std::string id, OperationOf(environment, options->choice));
    ASSIGN_OR_RETURN(const bool sure,
                     IsSure(environment, options->change,
                            "The cluster stays as it is now; this operation can then be neither "
                            "resumed nor rolled back. Abandon it?"));
    if (!sure) return kRefused;
    return ChangeAndShow<v1::AbandonOperationResponse, v1::AbandonOperationRequest>(environment,
                                                                                    *options, id);
  };
}

// Resume and rollback: the operation goes on, and is watched.
template <typename Response, typename Request>
absl::StatusOr<ExitCode> GoOn(Environment& environment, const Options& options) {
  ASSIGN_OR_RETURN(const std::string id, OperationOf(environment, options.choice));
  // What came before is not shown again.
  ASSIGN_OR_RETURN(const auto before,
                   environment.Call<v1::GetOperationResponse>(About<v1::GetOperationRequest>(id)));
  ASSIGN_OR_RETURN(const auto response,
                   Make<Response>(environment, options.change, About<Request>(id)));
  if (options.change.dry_run) return Tell(environment, options.change, response, "");
  if (options.change.detach) return Follow(environment, response.operation(), options.change);
  const bool back = response.operation().phase() == v1::OPERATION_PHASE_ROLLBACK;
  return Watch(environment, id, before.operation().last_sequence(),
               back ? v1::OPERATION_STATE_ROLLED_BACK : v1::OPERATION_STATE_SUCCEEDED,
               WatchedUntil(options.change));
}

template <typename Response, typename Request>
Run DeclareGoOn(const Syntax& syntax) {
  auto options = DeclareCommon(syntax);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    return GoOn<Response, Request>(environment, *options);
  };
}

}  // namespace

std::vector<Command> OperationCommands() {
  return {{"operation cancel", "end an operation after its running steps",
           "dmgrctl operation cancel ID", DeclareCancel},
          {"operation resume", "go on with a failed or cancelled operation",
           "dmgrctl operation resume --last demo",
           DeclareGoOn<v1::ResumeOperationResponse, v1::ResumeOperationRequest>},
          {"operation rollback", "undo a failed or cancelled operation",
           "dmgrctl operation rollback ID",
           DeclareGoOn<v1::RollbackOperationResponse, v1::RollbackOperationRequest>},
          {"operation abandon", "leave the cluster as a failed or cancelled operation left it",
           "dmgrctl operation abandon ID", DeclareAbandon}};
}

}  // namespace dmgr::client

// What all commands share that change something.
#ifndef DMGR_CLIENT_COMMANDS_CHANGE_H_
#define DMGR_CLIENT_COMMANDS_CHANGE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "client/environment.h"
#include "client/syntax.h"
#include "common/enum_words.h"
#include "common/ids.h"
#include "dmgr/v1/types.pb.h"

namespace dmgr::v1 {
class DatabaseCheck;
class Operation;
}  // namespace dmgr::v1

namespace dmgr::client {

struct ChangeOptions {
  bool yes = false;
  bool dry_run = false;
  bool detach = false;
  // How long to watch; empty: to the end.
  std::string timeout{};
};
// Options of a change that makes an operation.
void DeclareChange(const Syntax& syntax, ChangeOptions* options);
// Until when its operation is watched: as long as --timeout says from now on, else to its end.
absl::Time WatchedUntil(const ChangeOptions& options);
// Options of a change that is done when it is answered: --dry-run.
void DeclareDryRun(const Syntax& syntax, ChangeOptions* options);
// The same, when somebody is asked before: also --yes.
void DeclareAsked(const Syntax& syntax, ChangeOptions* options);

// Asks the question, unless --yes or --dry-run leaves nothing to ask.
absl::StatusOr<bool> IsSure(Environment& environment, const ChangeOptions& options,
                            const std::string& question);

// The call into its answer, made again and again while dmgrd is away and the request has a
// request_id: by that it changes something once.
absl::Status SubmitInto(Environment& environment, const google::protobuf::Message& request,
                        google::protobuf::Message* response);
template <typename Response>
absl::StatusOr<Response> Submit(Environment& environment,
                                const google::protobuf::Message& request) {
  Response response;
  RETURN_IF_ERROR(SubmitInto(environment, request, &response));
  return response;
}

// Makes the call, or with --dry-run has it checked.
template <typename Response, typename Request>
absl::StatusOr<Response> Make(Environment& environment, const ChangeOptions& options,
                              Request request) {
  request.set_validate_only(options.dry_run);
  if (!options.dry_run) request.set_request_id(NewUuid());
  return Submit<Response>(environment, request);
}
// Of a change that is done when it is answered: says to people that it is (`what`, such as "removed
// user carol"), or that nothing was changed; to programs it prints the answer.
ExitCode Tell(Environment& environment, const ChangeOptions& options,
              const google::protobuf::Message& response, const std::string& what);

// After a change was accepted: shows the plan (--dry-run), or that it runs (--detach), or watches
// it to its end.
absl::StatusOr<ExitCode> Follow(Environment& environment, const v1::Operation& operation,
                                const ChangeOptions& options);

// Says to people what was found in a database that may be in the way.
void TellWarnings(Environment& environment,
                  const google::protobuf::RepeatedPtrField<v1::DatabaseCheck>& warnings);

// Asks, calls, and follows the operation of the answer; tells its warnings, if it can have some.
template <typename Response, typename Request>
absl::StatusOr<ExitCode> Change(Environment& environment, const ChangeOptions& options,
                                const std::string& question, Request request) {
  ASSIGN_OR_RETURN(const bool sure, IsSure(environment, options, question));
  if (!sure) return kRefused;
  ASSIGN_OR_RETURN(const auto response, Make<Response>(environment, options, std::move(request)));
  if constexpr (requires { response.warnings(); }) TellWarnings(environment, response.warnings());
  return Follow(environment, response.operation(), options);
}

// Says what of a plan cannot be undone: where, and what.
void TellLosses(Environment& environment, const v1::Operation& plan);

// The same of a change that nobody has agreed to yet: its plan is asked for first.
template <typename Response, typename Request>
absl::Status ShowLosses(Environment& environment, Request request) {
  request.set_validate_only(true);
  ASSIGN_OR_RETURN(const auto response, environment.Call<Response>(request));
  TellLosses(environment, response.operation());
  return absl::OkStatus();
}

// --skip-unreachable, of what can leave hosts out.
void DeclareSkip(const Syntax& syntax, bool* skip_unreachable);

// --accept-load-restart, of what restarts dm-workers.
void DeclareAcceptLoad(const Syntax& syntax, bool* accept_load_restart);

// Which instances a change is for.
struct SelectionOptions {
  std::vector<std::string> roles;
  std::vector<std::string> nodes;
};
// --max-parallel, of what takes dm-workers side by side.
void DeclareMaxParallel(const Syntax& syntax, unsigned* most);
// "dm-worker", or "worker" for short.
v1::Component ComponentOf(const std::string& role);
// Returns --node.
Option DeclareSelection(const Syntax& syntax, SelectionOptions* options);
// selection: a v1::Selection.
template <typename Selection>
void Select(const SelectionOptions& options, Selection* selection) {
  for (const auto& role : options.roles) selection->add_components(ComponentOf(role));
  for (const auto& node : options.nodes) selection->add_nodes(node);
}

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_CHANGE_H_

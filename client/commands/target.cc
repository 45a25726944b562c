// target create, update, delete, list, show, check.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/database.h"
#include "common/error.h"
#include "dmgr/v1/target_service.pb.h"

namespace dmgr::client {
namespace {

struct TargetOptions {
  ChangeOptions change;
  std::string cluster;
  std::string target;
  DatabaseOptions database;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  bool ask_password = false;
  bool skip_checks = false;
};

std::shared_ptr<TargetOptions> DeclareTarget(const Syntax& syntax) {
  auto options = std::make_shared<TargetOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("TARGET", &options->target, "name that tasks know it by").Required();
  return options;
}

void DeclareFiles(const Syntax& syntax, TargetOptions* options) {
  syntax.Add("--ca", &options->ca_file, "file with the CA that the database's certificate is of");
  syntax.Add("--cert", &options->cert_file, "file with the certificate that DM shows");
  syntax.Add("--key", &options->key_file, "file with its key");
}

// What was typed; the password is not among it.
absl::Status SetFields(const TargetOptions& options, v1::Target* target) {
  target->set_cluster_name(options.cluster);
  target->set_target_name(options.target);
  if (!options.database.host.empty()) target->set_host(options.database.host);
  if (options.database.port != 0) target->set_port(static_cast<int>(options.database.port));
  if (!options.database.user.empty()) target->set_user_name(options.database.user);
  if (!options.ca_file.empty()) {
    ASSIGN_OR_RETURN(*target->mutable_ca_certificate(), ReadInput(options.ca_file));
  }
  if (!options.cert_file.empty()) {
    ASSIGN_OR_RETURN(*target->mutable_client_certificate(), ReadInput(options.cert_file));
  }
  if (!options.key_file.empty()) {
    ASSIGN_OR_RETURN(*target->mutable_client_key(), ReadInput(options.key_file));
  }
  return absl::OkStatus();
}

template <typename Request>
Request About(const TargetOptions& options) {
  Request request;
  request.set_cluster_name(options.cluster);
  request.set_target_name(options.target);
  return request;
}

Run DeclareCreate(const Syntax& syntax) {
  auto options = DeclareTarget(syntax);
  DeclareDatabase(syntax, "4000", &options->database).Required();
  DeclareFiles(syntax, options.get());
  DeclareSkipChecks(syntax, &options->skip_checks);
  DeclareDryRun(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    if (options->database.user.empty()) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                   "who logs in to {} was not said", options->database.host)
          .Remedy("pass --user NAME");
    }
    v1::CreateTargetRequest request;
    RETURN_IF_ERROR(SetFields(*options, request.mutable_target()));
    ASSIGN_OR_RETURN(*request.mutable_target()->mutable_password(),
                     DatabasePassword(environment, options->database));
    request.set_skip_checks(options->skip_checks);
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::CreateTargetResponse>(environment, options->change, request));
    TellWarnings(environment, response.warnings());
    return Tell(environment, options->change, response, "created target " + options->target);
  };
}

// What is not typed stays as it is.
absl::StatusOr<ExitCode> Update(Environment& environment, TargetOptions* options) {
  ASSIGN_OR_RETURN(auto now,
                   environment.Call<v1::GetTargetResponse>(About<v1::GetTargetRequest>(*options)));
  v1::UpdateTargetRequest request;
  *request.mutable_target() = now.target();
  RETURN_IF_ERROR(SetFields(*options, request.mutable_target()));
  if (options->ask_password || !options->database.password_file.empty()) {
    options->database.host = request.target().host();
    options->database.user = request.target().user_name();
    ASSIGN_OR_RETURN(*request.mutable_target()->mutable_password(),
                     DatabasePassword(environment, options->database));
  }
  request.set_skip_checks(options->skip_checks);
  ASSIGN_OR_RETURN(const auto response,
                   Make<v1::UpdateTargetResponse>(environment, options->change, request));
  TellWarnings(environment, response.warnings());
  return Tell(environment, options->change, response,
              fmt::format("changed target {}; tasks that run take it when they are started again",
                          options->target));
}

Run DeclareUpdate(const Syntax& syntax) {
  auto options = DeclareTarget(syntax);
  DeclareDatabase(syntax, "as it is", &options->database);
  syntax.Flag("-p,--password", &options->ask_password, "ask for a new password");
  DeclareFiles(syntax, options.get());
  DeclareSkipChecks(syntax, &options->skip_checks);
  DeclareDryRun(syntax, &options->change);
  return [options](Environment& environment) { return Update(environment, options.get()); };
}

Run DeclareDelete(const Syntax& syntax) {
  auto options = DeclareTarget(syntax);
  DeclareAsked(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const bool sure,
                     IsSure(environment, options->change,
                            fmt::format("Forget target {} of {}? The database stays as it is.",
                                        options->target, options->cluster)));
    if (!sure) return kRefused;
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::DeleteTargetResponse>(environment, options->change,
                                                    About<v1::DeleteTargetRequest>(*options)));
    return Tell(environment, options->change, response, "deleted target " + options->target);
  };
}

Run DeclareCheck(const Syntax& syntax) {
  auto options = DeclareTarget(syntax);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::CheckTargetResponse>(
                                              About<v1::CheckTargetRequest>(*options)));
    environment.Print(response);
    return HasFailed(response.checks()) ? kFailed : kDone;
  };
}

Run DeclareList(const Syntax& syntax) {
  auto cluster = DeclareArgument(syntax, "CLUSTER", "cluster");
  return [cluster](Environment& environment) {
    v1::ListTargetsRequest request;
    request.set_cluster_name(*cluster);
    return environment.ShowAll<v1::ListTargetsResponse>(request);
  };
}

Run DeclareShow(const Syntax& syntax) {
  auto options = DeclareTarget(syntax);
  return [options](Environment& environment) {
    return environment.Show<v1::GetTargetResponse>(About<v1::GetTargetRequest>(*options));
  };
}

}  // namespace

std::vector<Command> TargetCommands() {
  return {{"target create", "give a cluster a database to write to, by a name",
           "dmgrctl target create demo prod --host tidb1 --user dm --password-file db.password",
           DeclareCreate},
          {"target update", "change where a target is, or how to log in there",
           "dmgrctl target update demo prod --password-file db.password", DeclareUpdate},
          {"target delete", "forget a target that no task names", "dmgrctl target delete demo prod",
           DeclareDelete},
          {"target list", "list the targets of a cluster", "dmgrctl target list demo", DeclareList},
          {"target show", "show a target, and the tasks that name it",
           "dmgrctl target show demo prod", DeclareShow},
          {"target check", "is a target as DM needs it?", "dmgrctl target check demo prod",
           DeclareCheck}};
}

}  // namespace dmgr::client

#include "client/commands/command.h"

#include <fstream>
#include <sstream>

#include "client/context/credentials.h"
#include "client/progress/watch.h"
#include "common/error.h"

namespace dmgr::client {

ExitCode ExitCodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kBadUsage;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAborted:
      return kRefused;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kUnreachable;
    default:
      return kFailed;
  }
}

void PrintError(Terminal* terminal, const absl::Status& status) {
  const auto violations = FieldViolations(status);
  auto& err = terminal->err();
  if (violations.field_violations_size() > 1) {
    err << terminal->Paint(Terminal::kRed, "error:") << " " << violations.field_violations_size()
        << " problems\n";
    for (const auto& violation : violations.field_violations()) {
      err << "  " << violation.field() << (violation.field().empty() ? "" : ": ")
          << violation.description() << "\n";
    }
  } else {
    err << terminal->Paint(Terminal::kRed, "error:") << " " << Message(status) << "\n";
  }
  const std::string remedy = Metadata(status, "remedy");
  if (!remedy.empty()) err << "next: " << remedy << "\n";
}

namespace {

absl::StatusOr<ConnectionOptions> ToServer(const TargetFlags& flags) {
  ASSIGN_OR_RETURN(const Target target, ResolveTarget(flags));
  ConnectionOptions options;
  options.address = target.server;
  options.token = LoadToken(target);
  if (!target.ca.empty()) {
    ASSIGN_OR_RETURN(options.ca, ReadCertificates(target.ca));
  }
  options.login = "dmgrctl login";
  if (target.user.empty()) options.login += " --user NAME";
  if (!flags.context.empty()) options.login += " --context " + flags.context;
  if (!flags.server.empty()) options.login += " --server " + flags.server;
  if (!flags.ca.empty()) options.login += " --ca " + flags.ca;
  return options;
}

}  // namespace

Connection& Environment::connection() {
  if (connection_ != nullptr) return *connection_;
  auto server = ToServer(options->target);
  connection_ = server.ok() ? std::make_unique<Connection>(std::move(*server))
                            : std::make_unique<Connection>(server.status());
  return *connection_;
}

void Environment::PrintStructured(const google::protobuf::Message& message) {
  terminal->out() << (yaml() ? ToYaml(message) : ToJson(message));
}

void Environment::PrintStructured(const Json& value) {
  terminal->out() << (yaml() ? ToYaml(value) : value.dump(1) + "\n");
}

const std::vector<Command>& AllCommands() {
  static const auto* all = [] {
    auto* commands = new std::vector<Command>();
    for (auto family : {LoginCommands, ContextCommands, MachineCommands, PackageCommands,
                        PackageUploadCommands, ClusterDeployCommands, ClusterChangeCommands,
                        ClusterConfigCommands, ClusterReloadCommands, ClusterReadCommands,
                        OperationCommands, UserCommands, ShellCommands}) {
      for (const auto& command : family()) commands->push_back(command);
    }
    return commands;
  }();
  return *all;
}

void DeclareChange(CLI::App* app, ChangeOptions* options) {
  app->add_flag("-y,--yes", options->yes, "do not ask");
  app->add_flag("--dry-run", options->dry_run, "check everything and print the plan only");
  app->add_flag("--detach", options->detach, "leave the operation running and return");
}

absl::StatusOr<ExitCode> Follow(Environment& environment, const v1::Operation& operation,
                                const ChangeOptions& options) {
  Terminal& terminal = *environment.terminal;
  v1::GetOperationResponse shown;
  *shown.mutable_operation() = operation;
  if (options.dry_run) {
    if (environment.structured()) {
      environment.Print(shown);
    } else {
      terminal.out() << PlanText(operation);
    }
    return kDone;
  }
  if (options.detach) {
    if (environment.structured()) {
      environment.Print(shown);
    } else {
      terminal.out() << "operation " << operation.operation_id() << " runs; see it with:\n"
                     << "  dmgrctl operation watch " << operation.operation_id() << "\n";
    }
    return kDone;
  }
  return Watch(environment, operation.operation_id(), 0);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (in) return text.str();
  return Error(absl::StatusCode::kInvalidArgument, "FILE_UNREADABLE", "cannot read {}", path)
      .With("path", path);
}

}  // namespace dmgr::client

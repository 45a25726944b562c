#include "client/environment.h"

#include <nlohmann/json.hpp>

#include "client/context/credentials.h"
#include "client/output/next_actions.h"

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
  err << NextText(Metadata(status, "remedy"), NextActionsOf(status));
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
  if (!flags.context.empty()) options.login += " --context " + ShellQuoted(flags.context);
  if (!flags.server.empty()) options.login += " --server " + ShellQuoted(flags.server);
  if (!flags.ca.empty()) options.login += " --ca " + ShellQuoted(flags.ca);
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

void Environment::PrintEvent(const google::protobuf::Message& message) {
  const std::string line = ToJsonLine(message);
  terminal->out() << (yaml() ? "---\n" + ToYaml(Json::parse(line)) : line + "\n") << std::flush;
}

}  // namespace dmgr::client

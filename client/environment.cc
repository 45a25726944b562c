#include "client/environment.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "client/context/credentials.h"
#include "client/output/next_actions.h"
#include "client/output/prefixed.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/topology.pb.h"

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

namespace {

// Takes "[0]" from behind each of the words.
void DropIndex(const std::string& word, std::string* text) {
  for (auto at = text->find(word + "["); at != std::string::npos; at = text->find(word + "[", at)) {
    const auto end = text->find(']', at);
    if (end == std::string::npos) return;
    at += word.size();
    text->erase(at, end + 1 - at);
  }
}

// What the API calls a field, in the words of the command line or of a topology file.
std::string InOwnWords(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> words = {
      {"selection.nodes", "--node"},
      {"selection.roles", "--role"},
      {"selection.components", "--role"},
      {"selection: ", "--node and --role: "},
      {".placement.", "."},
      {"from_machine_id", "OLD"},
      {"to_machine_id", "NEW"},
  };
  const auto* sections = v1::Topology::descriptor();
  for (int i = 0; i < sections->field_count(); ++i) {
    words.emplace_back("topology." + sections->field(i)->name(), sections->field(i)->name());
  }
  std::string own = absl::StrReplaceAll(ToAbsl(text), words);
  DropIndex("--node", &own);
  DropIndex("--role", &own);
  return own;
}

}  // namespace

void PrintError(Terminal* terminal, const absl::Status& status) {
  const auto violations = FieldViolations(status);
  auto& err = terminal->err();
  if (violations.field_violations_size() > 1) {
    err << terminal->Paint(Terminal::kRed, "error:") << " " << violations.field_violations_size()
        << " problems\n";
    for (const auto& violation : violations.field_violations()) {
      const std::string field = violation.field().empty() ? "" : violation.field() + ": ";
      err << "  " << Harmless(InOwnWords(field) + violation.description()) << "\n";
    }
  } else {
    err << terminal->Paint(Terminal::kRed, "error:") << " "
        << Harmless(InOwnWords(std::string(Message(status)))) << "\n";
  }
  err << NextText(Metadata(status, "remedy"), NextActionsOf(status));
}

namespace {

// One that does not answer soon does not hold up the call that somebody waits for.
constexpr absl::Duration kReplacePatience = absl::Seconds(5);

// The saved token as it is to be used from now on; nullptr when the environment has one.
absl::StatusOr<std::unique_ptr<TokenUse>> FindToken(const Target& target,
                                                    ConnectionOptions* options) {
  ASSIGN_OR_RETURN(options->token, TokenOfEnvironment(target));
  if (!options->token.empty()) return std::unique_ptr<TokenUse>();
  auto use = TokenUse::Begin(target, [&](const std::string& old) {
    ConnectionOptions with_old = *options;
    with_old.token = old;
    const auto answer =
        Connection(std::move(with_old))
            .Call<v1::RefreshTokenResponse>(v1::RefreshTokenRequest(), kReplacePatience);
    return answer.ok() ? answer->session().token() : std::string();
  });
  options->token = use->token();
  return use;
}

absl::StatusOr<ConnectionOptions> ToServer(const TargetFlags& flags,
                                           std::unique_ptr<TokenUse>* use) {
  ASSIGN_OR_RETURN(const Target target, ResolveTarget(flags));
  ConnectionOptions options;
  options.address = target.server;
  if (!target.ca.empty()) {
    ASSIGN_OR_RETURN(options.ca, ReadCertificates(target.ca));
  }
  ASSIGN_OR_RETURN(options.identity, ReadIdentity(target.client_cert, target.client_key));
  ASSIGN_OR_RETURN(*use, FindToken(target, &options));
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
  auto server = ToServer(options->target, &token_use_);
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
  PrintLine(ToJsonLine(message));
}

void Environment::PrintEvent(const Json& value) {
  PrintLine(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void Environment::PrintLine(const std::string& line) {
  terminal->out() << (yaml() ? "---\n" + ToYaml(Json::parse(line)) : line + "\n") << std::flush;
}

}  // namespace dmgr::client

// context add, use, list, show, remove: dmgrds by name.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "client/commands/command.h"
#include "client/context/contexts.h"
#include "client/context/credentials.h"
#include "client/output/format.h"
#include "common/address.h"
#include "common/error.h"
#include "common/socket_address.h"

namespace dmgr::client {
namespace {

struct AddOptions {
  std::string name;
  Context context;
};

bool IsContextName(const std::string& name) {
  constexpr std::size_t kMaxLength = 63;
  return !name.empty() && name.size() <= kMaxLength && absl::ascii_isalnum(name.front()) &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
         });
}

absl::Status CheckContext(const AddOptions& options) {
  if (!IsContextName(options.name)) {
    return Error(absl::StatusCode::kInvalidArgument, "CONTEXT_INVALID",
                 "{} is no name for a context", options.name)
        .Remedy("letters, digits, and - _ . inside");
  }
  const auto server = ParseHostPort(options.context.server);
  if (!IsSocketAddress(options.context.server) && (!server.has_value() || server->port == 0)) {
    return Error(absl::StatusCode::kInvalidArgument, "CONTEXT_INVALID", "{} is no HOST:PORT",
                 options.context.server)
        .Remedy("such as dmgr.example.com:9527, [2001:db8::1]:9527, or unix:/run/dmgrd/dmgrd.sock");
  }
  RETURN_IF_ERROR(CheckSecrecy(options.context.server, !options.context.ca.empty()));
  RETURN_IF_ERROR(ReadIdentity(options.context.cert, options.context.key).status());
  return options.context.ca.empty() ? absl::OkStatus()
                                    : ReadCertificates(options.context.ca).status();
}

absl::StatusOr<ExitCode> Add(Environment& environment, const AddOptions& options) {
  RETURN_IF_ERROR(CheckContext(options));
  ASSIGN_OR_RETURN(Contexts contexts, LoadContexts());
  if (contexts.by_name.count(options.name) > 0) {
    return Error(absl::StatusCode::kAlreadyExists, "CONTEXT_EXISTS",
                 "there is a context {} already", options.name)
        .Remedy("dmgrctl context remove " + options.name);
  }
  Context context = options.context;
  for (std::string* file : {&context.ca, &context.cert, &context.key}) {
    if (!file->empty()) *file = std::filesystem::absolute(*file).lexically_normal();
  }
  contexts.by_name[options.name] = context;
  // The first one is what a person means.
  if (contexts.by_name.size() == 1) contexts.current = options.name;
  RETURN_IF_ERROR(SaveContexts(contexts));
  const bool used = contexts.current == options.name;
  environment.terminal->err() << "added context " << options.name << (used ? ", now in use" : "")
                              << "\nnext: dmgrctl " << (context.cert.empty() ? "login" : "whoami")
                              << (context.user.empty() && context.cert.empty() ? " --user NAME"
                                                                               : "")
                              << (used ? "" : " --context " + options.name) << "\n";
  return kDone;
}

Run DeclareAdd(const Syntax& syntax) {
  auto options = std::make_shared<AddOptions>();
  syntax.Add("NAME", &options->name, "name of the context").Required();
  syntax.Add("--server", &options->context.server, "HOST:PORT of dmgrd").Required();
  syntax.Add("-u,--user", &options->context.user, "who logs in there");
  syntax.Add("--ca", &options->context.ca,
             "file with the CA of dmgrd's certificate; needed unless it is on this machine");
  syntax.Add("--client-cert", &options->context.cert,
             "file with your certificate, in place of a login");
  syntax.Add("--client-key", &options->context.key, "file with its key");
  return [options](Environment& environment) { return Add(environment, *options); };
}

Run DeclareUse(const Syntax& syntax) {
  auto name = DeclareArgument(syntax, "NAME", "context");
  return [name](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(Contexts contexts, LoadContexts());
    RETURN_IF_ERROR(FindContext(contexts, *name).status());
    contexts.current = *name;
    RETURN_IF_ERROR(SaveContexts(contexts));
    environment.terminal->err() << "using context " << *name << "\n";
    return kDone;
  };
}

bool HasSession(const std::string& name, const Context& context) {
  return !LoadToken({.context = name, .server = context.server}).empty();
}

Json Describe(const Contexts& contexts, const std::string& name, const Context& context) {
  return {{"name", name},
          {"current", name == contexts.current},
          {"server", context.server},
          {"user", context.user},
          {"ca", context.ca},
          {"client_cert", context.cert},
          {"client_key", context.key},
          {"logged_in", HasSession(name, context)}};
}

Run DeclareList(const Syntax&) {
  return [](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const Contexts contexts, LoadContexts());
    Json all = Json::array();
    std::vector<std::vector<std::string>> rows = {
        {"CONTEXT", "CURRENT", "SERVER", "USER", "CA", "LOGGED IN"}};
    for (const auto& [name, context] : contexts.by_name) {
      all.push_back(Describe(contexts, name, context));
      rows.push_back({name, name == contexts.current ? "yes" : "no", context.server,
                      OrDash(context.user), OrDash(context.ca),
                      HasSession(name, context) ? "yes" : "no"});
    }
    if (environment.structured()) {
      environment.PrintStructured(Json{{"contexts", all}});
    } else {
      environment.terminal->out() << Table(rows);
    }
    return kDone;
  };
}

Run DeclareShow(const Syntax& syntax) {
  auto name = std::make_shared<std::string>();
  syntax.Add("NAME", name.get(), "context (the one in use)");
  return [name](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const Contexts contexts, LoadContexts());
    const std::string wanted = name->empty() ? contexts.current : *name;
    if (wanted.empty()) {
      return Error(absl::StatusCode::kNotFound, "NO_CONTEXT",
                   "no context is in use; commands go to {}", kDefaultServer)
          .Remedy("dmgrctl context use NAME, or dmgrctl context add --help");
    }
    ASSIGN_OR_RETURN(const Context context, FindContext(contexts, wanted));
    if (environment.structured()) {
      environment.PrintStructured(Describe(contexts, wanted, context));
      return kDone;
    }
    environment.terminal->out() << Table(
        {{"Context", wanted},
         {"In use", wanted == contexts.current ? "yes" : "no"},
         {"Server", context.server},
         {"User", OrDash(context.user)},
         {"CA", OrDash(context.ca)},
         {"Certificate", OrDash(context.cert)},
         {"Logged in", HasSession(wanted, context) ? "yes" : "no"}});
    return kDone;
  };
}

Run DeclareRemove(const Syntax& syntax) {
  auto name = DeclareArgument(syntax, "NAME", "context");
  return [name](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(Contexts contexts, LoadContexts());
    ASSIGN_OR_RETURN(const Context context, FindContext(contexts, *name));
    RETURN_IF_ERROR(SaveToken({.context = *name, .server = context.server}, "", ""));
    contexts.by_name.erase(*name);
    if (contexts.current == *name) contexts.current.clear();
    RETURN_IF_ERROR(SaveContexts(contexts));
    environment.terminal->err() << "removed context " << *name << " and its session\n";
    return kDone;
  };
}

}  // namespace

std::vector<Command> ContextCommands() {
  return {{"context add", "remember a dmgrd by a name",
           "dmgrctl context add prod --server dmgr.example.com:9527 --user alice --ca ca.pem",
           DeclareAdd},
          {"context use", "make a context the one that commands go to", "dmgrctl context use prod",
           DeclareUse},
          {"context list", "list the contexts", "dmgrctl context list", DeclareList},
          {"context show", "show a context", "dmgrctl context show prod", DeclareShow},
          {"context remove", "forget a context and its session", "dmgrctl context remove prod",
           DeclareRemove}};
}

}  // namespace dmgr::client

// completion, version: for scripts and shells.
#include <nlohmann/json.hpp>

#include "client/commands/command.h"
#include "client/completion.h"
#include "common/version.h"
#include "dmgr/v1/server_service.pb.h"

namespace dmgr::client {
namespace {

Run DeclareCompletion(const Syntax& syntax) {
  auto shell = std::make_shared<std::string>();
  syntax.Add("SHELL", shell.get(), "bash, zsh or fish").Required().OneOf({"bash", "zsh", "fish"});
  return [shell](Environment& environment) -> absl::StatusOr<ExitCode> {
    environment.terminal->out() << CompletionScript(*shell);
    return kDone;
  };
}

Run DeclareVersion(const Syntax& syntax) {
  auto server = std::make_shared<bool>(false);
  syntax.Flag("--server-info", server.get(), "of dmgrd, and what it can do");
  return [server](Environment& environment) -> absl::StatusOr<ExitCode> {
    if (*server) return environment.Show<v1::GetServerInfoResponse>(v1::GetServerInfoRequest());
    if (environment.structured()) {
      environment.PrintStructured(Json{{"version", BuildVersion()}});
    } else {
      environment.terminal->out() << "dmgrctl " << BuildVersion() << "\n";
    }
    return kDone;
  };
}

}  // namespace

std::vector<Command> ShellCommands() {
  return {{"completion", "print a script that completes commands, options and names in a shell",
           "dmgrctl completion bash", DeclareCompletion},
          {"version", "print the version, or that of dmgrd", "dmgrctl version --server-info",
           DeclareVersion}};
}

}  // namespace dmgr::client

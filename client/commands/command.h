// What a command of dmgrctl is made of.
#ifndef DMGR_CLIENT_COMMANDS_COMMAND_H_
#define DMGR_CLIENT_COMMANDS_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/connection.h"
#include "client/context/target.h"
#include "client/output/format.h"
#include "client/output/structured.h"
#include "client/progress/outage.h"
#include "client/terminal.h"
#include "common/error.h"

namespace dmgr::client {

// Exit codes, as README.md documents them.
enum ExitCode {
  kDone = 0,
  kFailed = 1,
  kBadUsage = 2,
  kRefused = 3,
  kUnreachable = 4,
  kInterrupted = 130,
};
ExitCode ExitCodeFor(const absl::Status& status);
// Message, wrong fields and what to do next.
void PrintError(Terminal* terminal, const absl::Status& status);

// Options that every command has.
struct GlobalOptions {
  TargetFlags target;
  std::string output = "table";
};

// What a command runs with.
class Environment {
 public:
  Environment(GlobalOptions* global, Terminal* console) : options(global), terminal(console) {}

  GlobalOptions* const options;
  Terminal* const terminal;
  // Made at first use, with the saved token. What is wrong with the target every call tells.
  Connection& connection();
  absl::StatusOr<Target> target() const { return ResolveTarget(options->target); }
  // A program reads what is printed.
  bool structured() const { return options->output != "table"; }
  bool yaml() const { return options->output == "yaml"; }

  // Prints a response as the user wants it.
  template <typename Response>
  void Print(const Response& response) {
    if (structured()) return PrintStructured(response);
    terminal->out() << ToTable(response);
  }
  // As JSON or YAML.
  void PrintStructured(const google::protobuf::Message& message);
  void PrintStructured(const Json& value);

 private:
  std::unique_ptr<Connection> connection_;
};

// Declares a command's options on `app` and returns what runs it, once the command line is parsed.
// A status is printed and becomes the exit code; kInterrupted has no status of its own.
using Run = std::function<absl::StatusOr<ExitCode>(Environment&)>;
struct Command {
  // "cluster start"; at most two words.
  const char* name;
  const char* summary;
  // Printed below the options: at least one line that can be typed as it is.
  const char* example;
  Run (*declare)(CLI::App* app);
};

// Every command, in the order of the help.
const std::vector<Command>& AllCommands();

// One function for each file of this folder.
std::vector<Command> LoginCommands();
std::vector<Command> ContextCommands();
std::vector<Command> MachineCommands();
std::vector<Command> PackageCommands();
std::vector<Command> PackageUploadCommands();
std::vector<Command> ClusterDeployCommands();
std::vector<Command> ClusterChangeCommands();
std::vector<Command> ClusterConfigCommands();
std::vector<Command> ClusterReloadCommands();
std::vector<Command> ClusterReadCommands();
std::vector<Command> OperationCommands();
std::vector<Command> UserCommands();
std::vector<Command> ShellCommands();

// Options of every change.
struct ChangeOptions {
  bool yes = false;
  bool dry_run = false;
  bool detach = false;
};
void DeclareChange(CLI::App* app, ChangeOptions* options);
// The call that makes an operation. When its answer does not come since dmgrd went away, it is made
// again: by its request_id the operation is made once.
template <typename Request, typename Response>
absl::Status Submit(Environment& environment,
                    grpc::Status (v1::ClusterService::Stub::*method)(grpc::ClientContext*,
                                                                     const Request&, Response*),
                    const Request& request, Response* response) {
  Connection& connection = environment.connection();
  const bool repeatable = !request.request_id().empty() && connection.Reach();
  Outage outage(environment.terminal);
  while (true) {
    const absl::Status status = connection.Call(connection.clusters(), method, request, response);
    if (!repeatable || Reason(status) != "SERVER_UNREACHABLE" ||
        !outage.Wait(status, "the operation is made once")) {
      return status;
    }
  }
}
// After a change was accepted: shows the plan (--dry-run), or that it runs (--detach), or watches
// it to its end.
absl::StatusOr<ExitCode> Follow(Environment& environment, const v1::Operation& operation,
                                const ChangeOptions& options);
// Puts "file:line" in front of what the server found wrong with a topology.
absl::Status WithLines(const absl::Status& status, const std::string& text,
                       const std::string& file);
// The whole file; INVALID_ARGUMENT when it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_COMMAND_H_

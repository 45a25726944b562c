// What a command runs with: the options of every command, the way to dmgrd, the terminal.
#ifndef DMGR_CLIENT_ENVIRONMENT_H_
#define DMGR_CLIENT_ENVIRONMENT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/connection.h"
#include "client/context/credentials.h"
#include "client/context/target.h"
#include "client/output/structured.h"
#include "client/output/tables.h"
#include "client/terminal.h"

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

  template <typename Response>
  absl::StatusOr<Response> Call(const google::protobuf::Message& request) {
    return connection().Call<Response>(request);
  }
  // Calls, and prints the answer.
  template <typename Response>
  absl::StatusOr<ExitCode> Show(const google::protobuf::Message& request) {
    ASSIGN_OR_RETURN(const Response response, Call<Response>(request));
    Print(response);
    return kDone;
  }
  // The same with all pages of a list.
  template <typename Response, typename Request>
  absl::StatusOr<ExitCode> ShowAll(const Request& request) {
    ASSIGN_OR_RETURN(const Response response, connection().ListAll<Response>(request));
    Print(response);
    return kDone;
  }

  // Prints a response as the user wants it.
  template <typename Response>
  void Print(const Response& response) {
    if (structured()) return PrintStructured(response);
    terminal->out() << ToTable(response);
  }
  // As JSON or YAML.
  void PrintStructured(const google::protobuf::Message& message);
  void PrintStructured(const Json& value);
  // One of many: a line of JSON, or a document of YAML; at once.
  void PrintEvent(const google::protobuf::Message& message);
  // What is no UTF-8 in it is replaced.
  void PrintEvent(const Json& value);

 private:
  // An event as JSON.
  void PrintLine(const std::string& line);

  std::unique_ptr<TokenUse> token_use_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_ENVIRONMENT_H_

// dmgrctl: the command line of dmgrd.
#include <iostream>
#include <map>
#include <sstream>

#include "client/commands/command.h"
#include "common/error.h"
#include "common/version.h"

namespace dmgr::client {
namespace {

const std::map<std::string, std::string> kNouns = {
    {"machine", "hosts that dmgr may reach"},
    {"package", "offline packages"},
    {"cluster", "clusters of DM"},
    {"operation", "changes under way and done"},
};

// Before and after the command's words. A command may have another meaning for --output.
void DeclareGlobals(CLI::App* app, GlobalOptions* options) {
  app->add_option("--server", options->server, "address of dmgrd (127.0.0.1:9527)");
  if (app->get_option_no_throw("--output") != nullptr) return;
  app->add_option("-o,--output", options->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
}

CLI::App* FindCommand(CLI::App* app, const std::string& word) {
  for (CLI::App* command : app->get_subcommands(nullptr)) {
    if (command->get_name() == word) return command;
  }
  return nullptr;
}

// The application of a command: "cluster start" is "start" below "cluster".
CLI::App* AppFor(CLI::App* root, const Command& command) {
  std::istringstream words(command.name);
  std::string word;
  CLI::App* app = root;
  while (words >> word) {
    CLI::App* next = FindCommand(app, word);
    if (next == nullptr) {
      auto noun = kNouns.find(word);
      next = app->add_subcommand(word, noun == kNouns.end() ? command.summary : noun->second);
      if (noun != kNouns.end()) next->require_subcommand(1);
    }
    app = next;
  }
  app->footer(std::string("Example:\n  ") + command.example);
  return app;
}

int Main(int argc, char** argv) {
  CLI::App root("dmgrctl: deploys and runs clusters of TiDB Data Migration");
  root.set_version_flag("--version", "dmgrctl " + std::string(BuildVersion()));
  root.require_subcommand(1);
  root.footer(
      "Begin with: dmgrctl login --user NAME\nHelp of a command: dmgrctl cluster deploy --help");
  GlobalOptions options;
  DeclareGlobals(&root, &options);
  root.get_option("--server")->envname("DMGR_SERVER");
  Run run;
  for (const Command& command : AllCommands()) {
    CLI::App* app = AppFor(&root, command);
    Run declared = command.declare(app);
    DeclareGlobals(app, &options);
    app->callback([&run, declared] { run = declared; });
  }
  auto* version = root.add_subcommand("version", "print the version");
  version->callback([&run] {
    run = [](Environment& environment) -> absl::StatusOr<ExitCode> {
      environment.terminal->out() << "dmgrctl " << BuildVersion() << "\n";
      return kDone;
    };
  });
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return root.exit(e) == 0 ? kDone : kBadUsage;
  }
  ConsoleTerminal terminal;
  Environment environment(&options, &terminal);
  const absl::StatusOr<ExitCode> result = run(environment);
  if (result.ok()) return *result;
  PrintError(&terminal, result.status());
  return ExitCodeFor(result.status());
}

}  // namespace
}  // namespace dmgr::client

int main(int argc, char** argv) {
  try {
    return dmgr::client::Main(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return dmgr::client::kFailed;
  }
}

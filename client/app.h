// The command line as a whole.
#ifndef DMGR_CLIENT_APP_H_
#define DMGR_CLIENT_APP_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "client/commands/command.h"

namespace dmgr::client {

// The tree of all commands. Parsing sets the options and finds what is to be run.
class Application {
 public:
  Application();
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  CLI::App& root() { return root_; }
  const GlobalOptions& options() const { return options_; }

  // Parses and runs; returns the exit code. `words` come without the program's name.
  int Execute(const std::vector<std::string>& words, Terminal* terminal);

 private:
  CLI::App* AppFor(const Command& command);
  void DeclareGlobals(CLI::App* app);
  int Refuse(const CLI::ParseError& error, Terminal* terminal) const;

  CLI::App root_;
  GlobalOptions options_;
  Run run_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_APP_H_

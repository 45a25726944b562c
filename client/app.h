// The command line as a whole.
#ifndef DMGR_CLIENT_APP_H_
#define DMGR_CLIENT_APP_H_

#include <memory>
#include <string>
#include <vector>

#include "client/commands/command.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own.
class ParseError;
}

namespace dmgr::client {

// The tree of all commands. Parsing sets the options and finds what is to be run.
class Application {
 public:
  Application();
  ~Application();
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  CLI::App& root() { return *root_; }
  const GlobalOptions& options() const { return options_; }

  // Parses and runs; returns the exit code. `words` come without the program's name.
  int Execute(const std::vector<std::string>& words, Terminal* terminal);
  // Parses only. OK, or INVALID_ARGUMENT (BAD_USAGE) that names the command that was meant;
  // CANCELLED when help or the version was asked for, with that as its message.
  absl::Status Parse(const std::vector<std::string>& words);

 private:
  CLI::App* AppFor(const Command& command);
  void DeclareGlobals(CLI::App* app);
  absl::Status Refused(const CLI::ParseError& error) const;
  int PrintCompletions(const std::vector<std::string>& words, Terminal* terminal);
  // Into the folder that the second word names.
  int WriteManPages(const std::vector<std::string>& words, Terminal* terminal);

  std::unique_ptr<CLI::App> root_;
  GlobalOptions options_;
  Run run_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_APP_H_

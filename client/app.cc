#include "client/app.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "client/commands/names.h"
#include "client/completion.h"
#include "client/context/credentials.h"
#include "client/man_pages.h"
#include "common/error.h"
#include "common/near.h"
#include "common/version.h"

namespace dmgr::client {
namespace {

const std::map<std::string, std::string> kNouns = {
    {"context", "dmgrds by name"},
    {"machine", "hosts that dmgr may reach"},
    {"package", "offline packages"},
    {"patch", "programs that take the place of a package's"},
    {"cluster", "clusters of DM"},
    {"cluster tls", "certificates of a cluster's processes"},
    {"operation", "changes under way and done"},
    {"source", "databases that a cluster reads from"},
    {"target", "databases that tasks write to"},
    {"task", "migrations"},
    {"task errors", "errors that have paused a task, and what becomes of their statements"},
    {"task locks", "changes of tables that wait for other shards"},
    {"task table", "structures of tables, as DM has them in mind"},
    {"task validation", "whether a target has what its sources have"},
    {"user", "who may use dmgr"},
    {"token", "API tokens, for services"},
    {"audit", "who did what"},
};

// Words that people know from other tools.
const std::map<std::string, std::string> kAlso = {
    {"list", "ls"}, {"status", "display"}, {"remove", "rm"}};

CLI::App* FindCommand(CLI::App* app, const std::string& word) {
  for (CLI::App* command : app->get_subcommands(nullptr)) {
    if (command->get_name() == word) return command;
  }
  return nullptr;
}

// "help cluster start" and "cluster help" ask for what "--help" at the end does.
std::vector<std::string> AsOptions(std::vector<std::string> words) {
  constexpr std::size_t kDeepest = 2;
  for (std::size_t i = 0; i < std::min(words.size(), kDeepest); ++i) {
    if (words[i].starts_with("-")) break;
    if (words[i] != "help") continue;
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
    words.emplace_back("--help");
    break;
  }
  return words;
}

// What was meant by a word that is none: an option, or a command. One letter says too little.
std::string Meant(const CLI::App& app, const std::string& word) {
  if (word.front() != '-') return NearestOf(word, CommandsBelow(app));
  return word.starts_with("--") ? NearestOf(word.substr(0, word.find('=')), OptionsOf(app)) : "";
}

// For who types nothing but "dmgrctl": what comes next, by what is known already.
void PrintGuide(Terminal* terminal) {
  auto& err = terminal->err();
  const auto target = ResolveTarget({});
  if (!target.ok()) {
    PrintError(terminal, target.status());
  } else if (!LoadToken(*target).empty()) {
    err << "commands go to " << target->server << "\n"
        << "next: dmgrctl cluster list\n";
  } else if (!target->context.empty()) {
    err << "commands go to " << target->server << " (context " << target->context << ")\n"
        << "next: dmgrctl login" << (target->user.empty() ? " --user NAME" : "") << "\n";
  } else {
    err << "Begin here. A dmgrd on this machine; its first start names a file:\n"
        << "  dmgrd --config dmgrd.toml\n"
        << "  dmgrctl login --user NAME --first-secret-file FILE\n"
        << "A dmgrd elsewhere:\n"
        << "  dmgrctl context add NAME --server HOST:PORT --user USER --ca FILE\n"
        << "  dmgrctl login\n";
  }
  err << "all commands: dmgrctl --help\n";
}

}  // namespace

Application::Application()
    : root_(
          std::make_unique<CLI::App>("dmgrctl: deploys and runs clusters of TiDB Data Migration")) {
  root_->name("dmgrctl");
  root_->set_version_flag("--version", "dmgrctl " + std::string(BuildVersion()));
  root_->require_subcommand(1);
  root_->footer(
      "Begin with: dmgrctl login --user NAME\nHelp of a command: dmgrctl cluster deploy --help");
  DeclareGlobals(root_.get());
  for (const Command& command : AllCommands()) {
    CLI::App* app = AppFor(command);
    Run declared = command.declare(Syntax(app));
    DeclareGlobals(app);
    app->callback([this, declared] { run_ = declared; });
  }
}

Application::~Application() = default;

// Before and after the command's words. A command may have another meaning for one.
void Application::DeclareGlobals(CLI::App* app) {
  const auto add = [app](const std::string& name, std::string* value, const std::string& text) {
    return app->get_option_no_throw(name) == nullptr ? app->add_option(name, *value, text)
                                                     : nullptr;
  };
  add("--server", &options_.target.server, "address of dmgrd (127.0.0.1:9527; DMGR_SERVER)");
  add("--ca", &options_.target.ca, "file with the CA of its certificate (DMGR_CA)");
  add("--client-cert", &options_.target.client_cert,
      "file with your certificate, in place of a login (DMGR_CLIENT_CERT)");
  add("--client-key", &options_.target.client_key, "file with its key (DMGR_CLIENT_KEY)");
  add("--context", &options_.target.context, "the context to use (DMGR_CONTEXT)");
  const bool taken = app->get_option_no_throw("--output") != nullptr;
  app->add_option(taken ? "-o" : "-o,--output", options_.output, "how results are printed")
      ->check(CLI::IsMember({"table", "json", "yaml"}));
}

// "cluster start" is "start" below "cluster".
CLI::App* Application::AppFor(const Command& command) {
  std::istringstream words(command.name);
  std::string word;
  std::string path;
  CLI::App* app = root_.get();
  while (words >> word) {
    path += (path.empty() ? "" : " ") + word;
    CLI::App* next = FindCommand(app, word);
    if (next == nullptr) {
      // "cluster patch" is no noun, though "patch" is.
      const auto noun = kNouns.find(path);
      next = app->add_subcommand(word, noun == kNouns.end() ? command.summary : noun->second);
      if (const auto also = kAlso.find(word); also != kAlso.end()) next->alias(also->second);
      if (noun != kNouns.end()) {
        next->require_subcommand(1);
        next->footer(std::string("Example:\n  ") + command.example);
      }
    }
    app = next;
  }
  app->footer(std::string("Example:\n  ") + command.example);
  return app;
}

absl::Status Application::Refused(const CLI::ParseError& error) const {
  // Asked for: help, version.
  if (error.get_exit_code() == 0) {
    std::ostringstream text;
    root_->exit(error, text, text);
    return absl::CancelledError(ToAbsl(text.str()));
  }
  // The command that was meant, as far as it was understood.
  std::string command = "dmgrctl";
  const CLI::App* app = root_.get();
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    command += " " + app->get_name();
  }
  // CLI11 misses a command first, also when there is a word that is none.
  const auto left = app->remaining(/*recurse=*/true);
  std::string message = error.what();
  if (!left.empty() && !left.front().empty()) {
    const std::string& word = left.front();
    const bool option = word.front() == '-';
    if (option || app->get_require_subcommand_min() > 0) {
      message = fmt::format("{} has no {} {}", command, option ? "option" : "command", word);
      const std::string meant = Meant(*app, word);
      if (!meant.empty()) message += "; did you mean " + meant + "?";
    }
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE", "{}", message)
      .Remedy(command + " --help");
}

absl::Status Application::Parse(const std::vector<std::string>& words) {
  try {
    const auto asked = AsOptions(words);
    // CLI11 takes them from the back.
    root_->parse(std::vector<std::string>(asked.rbegin(), asked.rend()));
    return absl::OkStatus();
  } catch (const CLI::ParseError& e) {
    return Refused(e);
  }
}

// Where the command line leads to counts, but it is not whole yet.
int Application::PrintCompletions(const std::vector<std::string>& words, Terminal* terminal) {
  Environment environment(&options_, terminal);
  const auto names = [&](Things things, const std::string& cluster) {
    return NamesFromServer(environment, things, cluster);
  };
  for (const auto& word : Completions(*root_, {words.begin() + 1, words.end()}, names)) {
    terminal->out() << word << "\n";
  }
  return kDone;
}

int Application::WriteManPages(const std::vector<std::string>& words, Terminal* terminal) {
  const std::filesystem::path folder = words.size() == 2 ? words[1] : "";
  for (const auto& [name, page] : ManPages(*root_)) {
    std::ofstream file(folder / (name + ".1"));
    file << page;
    if (file.flush()) continue;
    PrintError(terminal, Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE", "cannot write {}",
                               (folder / (name + ".1")).string())
                             .Remedy(fmt::format("dmgrctl {} FOLDER", kManPagesWord)));
    return kBadUsage;
  }
  return kDone;
}

int Application::Execute(const std::vector<std::string>& words, Terminal* terminal) {
  if (words.empty()) {
    PrintGuide(terminal);
    return kBadUsage;
  }
  if (words.front() == kCompleteWord) return PrintCompletions(words, terminal);
  if (words.front() == kManPagesWord) return WriteManPages(words, terminal);
  const absl::Status parsed = Parse(words);
  if (absl::IsCancelled(parsed)) {
    terminal->out() << Message(parsed);
    return kDone;
  }
  if (!parsed.ok()) {
    PrintError(terminal, parsed);
    return kBadUsage;
  }
  Environment environment(&options_, terminal);
  const absl::StatusOr<ExitCode> result = run_(environment);
  if (result.ok()) return *result;
  PrintError(terminal, result.status());
  return ExitCodeFor(result.status());
}

}  // namespace dmgr::client

// The command line as a whole: help, examples, completion.
#include "client/app.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "client/commands/command.h"
#include "client/completion.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

void ForEachCommand(const CLI::App& app,
                    const std::function<void(const CLI::App&, const std::string&)>& visit,
                    const std::string& name = "dmgrctl") {
  visit(app, name);
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    ForEachCommand(*below, visit, name + " " + below->get_name());
  }
}

// The "dmgrctl ..." lines of a text, without what a shell would do with them.
std::vector<std::string> CommandsIn(const std::string& text) {
  static const std::regex kCommand(R"((?:^|&& |\$ )(?:\S*/)?dmgrctl ([^\s&|;#<>][^&|;#<>\n]*))");
  std::vector<std::string> commands;
  for (const auto& line : Lines(text)) {
    const std::string code = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    for (std::sregex_iterator it(code.begin(), code.end(), kCommand), end; it != end; ++it) {
      commands.push_back((*it)[1]);
    }
  }
  return commands;
}

// The words in backticks.
std::vector<std::string> QuotedIn(const std::string& text) {
  static const std::regex kQuoted("`([^`]*)`");
  std::vector<std::string> words;
  for (std::sregex_iterator it(text.begin(), text.end(), kQuoted), end; it != end; ++it) {
    words.push_back((*it)[1]);
  }
  return words;
}

// A document's blocks of code, and what else is in backticks, a line each.
std::string CodeOf(const fs::path& document) {
  std::ifstream in(document);
  std::string code;
  bool fenced = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      fenced = !fenced;
    } else if (fenced || line.starts_with("    ")) {
      code += line + "\n";
    } else {
      for (const auto& words : QuotedIn(line)) code += words + "\n";
    }
  }
  return code;
}

// A folder in which the files of the examples exist.
class Desk {
 public:
  Desk() : before_(fs::current_path()) {
    fs::current_path(dir_.path());
    fs::create_directories("tarballs");
    for (const char* file : {"topology.yaml", "more.yaml", "edited.yaml", "dm-v7.5.1.tar.gz",
                             "dm-worker", "not-a-worker", "id_ed25519", "ca.pem", "broken.yaml"}) {
      std::ofstream(file) << "\n";
    }
  }
  ~Desk() { fs::current_path(before_); }

 private:
  const fs::path before_;
  const test::TempDir dir_;
};

void CheckParses(const std::string& command) {
  INFO("dmgrctl " << command);
  std::istringstream in(std::regex_replace(command, std::regex("~/.ssh/"), ""));
  std::vector<std::string> words;
  for (std::string word; in >> std::quoted(word, '\'');) words.push_back(word);
  Application application;
  CHECK(application.Parse(words) == absl::OkStatus());
}

TEST_CASE("the help of every command has an example, and the example is one", "[app]") {
  const Desk desk;
  Application application;
  int commands = 0;
  ForEachCommand(application.root(), [&](const CLI::App& app, const std::string& name) {
    INFO(name);
    ++commands;
    CHECK_FALSE(app.get_description().empty());
    const auto examples = CommandsIn(app.get_footer());
    if (name == "dmgrctl") return;
    CHECK_THAT(app.help(), Catch::Contains("Example:\n  " + name));
    REQUIRE_FALSE(examples.empty());
    for (const auto& example : examples) CheckParses(example);
    for (const CLI::Option* option : app.get_options()) {
      INFO(option->get_name());
      CHECK_FALSE(option->get_description().empty());
    }
  });
  CHECK(commands > 30);
}

TEST_CASE("every command takes -o, --context, --server and --ca", "[app]") {
  Application application;
  ForEachCommand(application.root(), [&](const CLI::App& app, const std::string& name) {
    INFO(name);
    if (!app.get_subcommands([](const CLI::App*) { return true; }).empty()) return;
    for (const char* option : {"-o", "--context", "--server", "--ca"}) {
      CHECK(app.get_option_no_throw(option) != nullptr);
    }
  });
}

TEST_CASE("every command in the documents is one", "[app]") {
  const Desk desk;
  const std::string document = GENERATE(as<std::string>{}, "README.md", "deploy/README.md");
  INFO(document);
  const auto commands = CommandsIn(CodeOf(fs::path(DMGR_SOURCE_DIR) / document));
  CHECK(commands.size() >= 5);
  for (const auto& command : commands) CheckParses(command);
}

TEST_CASE("every command in the pages for people is one, in each language", "[app]") {
  const Desk desk;
  const std::string language = GENERATE(as<std::string>{}, "en", "zh");
  std::size_t commands = 0;
  for (const auto& page : fs::directory_iterator(DMGR_SOURCE_DIR "/deploy/docs/" + language)) {
    if (page.path().extension() != ".md") continue;
    INFO(page.path());
    const auto found = CommandsIn(CodeOf(page.path()));
    for (const auto& command : found) CheckParses(command);
    commands += found.size();
  }
  CHECK(commands > 100);
}

// The first two cells of the rows of the tables in a section of the README.
std::vector<std::pair<std::string, std::string>> RowsOf(const std::string& section) {
  static const std::regex kRow(R"(\|([^|]*)\|([^|]*)\|.*)");
  std::ifstream in(DMGR_SOURCE_DIR "/README.md");
  std::vector<std::pair<std::string, std::string>> rows;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) inside = line == "## " + section;
    std::smatch row;
    if (inside && std::regex_match(line, row, kRow)) rows.emplace_back(row[1], row[2]);
  }
  return rows;
}

TEST_CASE("what the README says to type when something failed is a command", "[app]") {
  const Desk desk;
  int commands = 0;
  for (const auto& [seen, advice] : RowsOf("When something failed")) {
    for (const auto& quoted : QuotedIn(advice)) {
      // Else it is an option, or for another program.
      const std::string noun = quoted.substr(0, quoted.find(' '));
      if (noun != "cluster" && noun != "machine" && noun != "operation" && noun != "audit")
        continue;
      ++commands;
      CheckParses(quoted);
    }
  }
  CHECK(commands > 10);
}

TEST_CASE("the README's table has every command", "[app]") {
  std::set<std::string> documented;
  for (const auto& [noun, verbs] : RowsOf("Commands")) {
    const auto before = QuotedIn(noun);
    for (const auto& verb : QuotedIn(verbs)) {
      documented.insert(before.empty() ? verb : before.front() + " " + verb);
    }
  }
  std::set<std::string> commands;
  for (const auto& command : AllCommands()) commands.insert(command.name);
  CHECK(documented == commands);
}

int Execute(const std::vector<std::string>& words, FakeTerminal* terminal) {
  Application application;
  return application.Execute(words, terminal);
}

TEST_CASE("bad usage names what to type", "[app]") {
  struct Row {
    std::vector<std::string> words;
    std::string text;
  };
  for (const Row& row : std::vector<Row>{
           {{"frobnicate"}, "dmgrctl has no command frobnicate\nnext: dmgrctl --help"},
           {{"user", "add", "x", "--role", "viewer"}, "dmgrctl user has no command add"},
           {{"cluster", "--yes"}, "dmgrctl cluster has no option --yes"},
           {{"cluster"}, "next: dmgrctl cluster --help"},
           {{"cluster", "start"}, "next: dmgrctl cluster start --help"},
           {{"cluster", "start", ""}, "NAME: is empty\nnext: dmgrctl cluster start --help"},
           {{"cluster", "stop", "x", "--role", "dm-boss"}, "dm-boss"},
           {{"operation", "list", "--state", "fine"}, "next: dmgrctl operation list --help"},
           {{"operation", "watch"}, "next: dmgrctl operation watch OPERATION"},
           {{"operation", "watch", "x", "--all"}, "next: dmgrctl operation watch --help"},
           {{"operation", "wait", "x", "--timeout", "soon"}, "is no span of time"},
           {{"cluster", "start", "x", "--timeout", "soon"}, "is no span of time"},
           {{"cluster", "start", "x", "--timeout", "9s", "--detach"},
            "--detach excludes --timeout"},
           {{"audit", "list", "--since", "soon"}, "is no time"},
           {{"user", "update", "x"}, "next: pass --role ROLE, --disable or --enable"},
           {{"cluster", "patch", "x"}, "FILE is missing"},
           {{"whoami", "-o", "xml"}, "next: dmgrctl whoami --help"},
           {{"whoami", "--nonsense"}, "next: dmgrctl whoami --help"},
           {{"cluster", "statsu", "x"}, "has no command statsu; did you mean status?"},
           {{"cluster", "stop", "x", "--dryrun"}, "no option --dryrun; did you mean --dry-run?"},
           {{"cluster", "stop", "x", "-Z"}, "has no option -Z\nnext: dmgrctl cluster stop --help"},
           {{"operation", "show"}, "next: pass its id, or --last"},
           {{"operation", "cancel", "ab", "--yes"}, "type 4 letters"}}) {
    FakeTerminal terminal(false);
    CHECK(Execute(row.words, &terminal) == kBadUsage);
    CHECK_THAT(terminal.Err(), Catch::StartsWith("error: ") && Catch::Contains(row.text));
    CHECK(terminal.Out().empty());
  }
  FakeTerminal terminal(false);
  CHECK(Execute({"cluster", "start", "--help"}, &terminal) == kDone);
  CHECK_THAT(terminal.Out(), Catch::Contains("Usage: dmgrctl cluster start [OPTIONS] NAME"));
}

TEST_CASE("words of other tools are taken", "[app]") {
  const Desk desk;
  for (const char* words :
       {"cluster exec demo --role dm-worker -- df -h /", "cluster ls", "cluster display demo",
        "machine rm x --yes", "cluster stop demo --role worker,master --node 10.0.0.1 --yes",
        "operation rollback 12345678 --yes", "operation resume --last demo"}) {
    CheckParses(words);
  }
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"help"}, {"help", "cluster"}, {"cluster", "help"}, {"help", "cluster", "stop"}}) {
    FakeTerminal terminal(false);
    CHECK(Execute(words, &terminal) == kDone);
    CHECK_THAT(terminal.Out(), Catch::Contains("Usage: dmgrctl"));
  }
}

TEST_CASE("an error says fields in the words of the command line", "[app]") {
  FakeTerminal terminal(false);
  PrintError(&terminal, Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                              "1 problem: selection.nodes[0]: cluster demo has no instance x, see "
                              "topology.yaml")
                            .Field("selection.nodes[0]", "cluster demo has no instance x"));
  CHECK_THAT(terminal.Err(), Catch::StartsWith("error: 1 problem: --node: cluster demo has no") &&
                                 Catch::Contains("see topology.yaml"));
  FakeTerminal second(false);
  PrintError(&second, Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "2 problems")
                          .Field("topology.master_servers[0].placement.deploy_dir", "is bad")
                          .Field("selection.roles[1]", "is no role"));
  CHECK_THAT(second.Err(), Catch::Contains("  master_servers[0].deploy_dir: is bad\n") &&
                               Catch::Contains("  --role: is no role\n"));
}

using Words = std::vector<std::string>;

// What is offered for the last of these words.
Words Complete(const Words& words) {
  Application application;
  return Completions(application.root(), words,
                     [](Things things, const std::string& cluster) -> Words {
                       switch (things) {
                         case Things::kClusters:
                           return {"demo", "dev", "prod"};
                         case Things::kInstances:
                           return {cluster + "-worker"};
                         case Things::kMachines:
                           return {"h1"};
                         case Things::kVersions:
                           return {"v7.5.1"};
                         case Things::kSources:
                           return {cluster + "-source"};
                         case Things::kTargets:
                           return {cluster + "-target"};
                         case Things::kTasks:
                           return {cluster + "-task"};
                         default:
                           return {"0a1b"};
                       }
                     });
}

TEST_CASE("commands, options, choices and names are completed", "[app]") {
  CHECK(Complete({"cl"}) == Words{"cluster"});
  CHECK(Complete({"cluster", "sta"}) == Words{"start", "status"});
  CHECK(Complete({"-o", "json", "cluster", "dest"}) == Words{"destroy"});
  CHECK(Complete({"cluster", "start", "--dr"}) == Words{"--dry-run"});
  CHECK(Complete({"cluster", "start", "demo", "-o", ""}) == Words{"table", "json", "yaml"});
  CHECK(Complete({"package", "build", "--arch", "a"}) == Words{"amd64", "arm64"});
  CHECK(Complete({"cluster", "start", "d"}) == Words{"demo", "dev"});
  CHECK(Complete({"cluster", "stop", "prod", "--node", ""}) == Words{"prod-worker"});
  CHECK(Complete({"cluster", "upgrade", "demo", ""}) == Words{"v7.5.1"});
  CHECK(Complete({"machine", "check", ""}) == Words{"h1"});
  CHECK(Complete({"operation", "resume", ""}) == Words{"0a1b"});
  CHECK(Complete({"completion", "z"}) == Words{"zsh"});
  CHECK(Complete({"task", "stop", "d"}) == Words{"demo", "dev"});
  CHECK(Complete({"task", "stop", "demo", ""}) == Words{"demo-task"});
  CHECK(Complete({"source", "transfer", "demo", ""}) == Words{"demo-source"});
  CHECK(Complete({"source", "transfer", "demo", "s1", ""}) == Words{"demo-worker"});
  CHECK(Complete({"target", "show", "demo", ""}) == Words{"demo-target"});
  CHECK(Complete({"task", "create", "demo", "shop", "--source", ""}) == Words{"demo-source"});
  CHECK(Complete({"task", "create", "demo", "shop", "--target", ""}) == Words{"demo-target"});
  INFO("files are left to the shell");
  CHECK(Complete({"source", "create", "demo", "so"}).empty());
  CHECK(Complete({"cluster", "deploy", "demo", "v7.5.1", "top"}).empty());
  CHECK(Complete({"context", "add", "prod", "--ca", ""}).empty());
  INFO("whatever is typed");
  for (const Words& words : {Words{}, Words{"", ""}, Words{"-"}, Words{"--", "x"},
                             Words{"cluster", "-o"}, Words{"nonsense", "start", "--x", "--y"}}) {
    CHECK_NOTHROW(Complete(words));
  }
}

TEST_CASE("a shell asks dmgrctl for completions", "[app]") {
  const Desk desk;
  FakeTerminal terminal(false);
  REQUIRE(Execute({"completion", "bash"}, &terminal) == kDone);
  std::ofstream("completion.sh") << terminal.Out();
  const std::string command =
      "bash -c 'source completion.sh; dmgrctl() { printf \"%s\\n\" \"$@\"; }; "
      "COMP_WORDS=(dmgrctl cluster start \"\" x); COMP_CWORD=3; _dmgrctl; "
      "printf \"<%s>\" \"${COMPREPLY[@]}\"'";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) out += static_cast<char>(c);
  CHECK(pclose(pipe) == 0);
  CHECK(out == "<__complete><cluster><start><>");
  for (const char* shell : {"zsh", "fish"}) {
    FakeTerminal other(false);
    CHECK(Execute({"completion", shell}, &other) == kDone);
    CHECK_THAT(other.Out(), Catch::Contains("dmgrctl __complete"));
  }
}

TEST_CASE("every command has a page of the manual, with all of its options", "[app]") {
  const Desk desk;
  FakeTerminal terminal(false);
  REQUIRE(Execute({"__man-pages", "."}, &terminal) == kDone);
  const auto page = [](const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(name + ".1").rdbuf();
    return text.str();
  };
  CHECK_THAT(page("dmgrctl"), Catch::StartsWith(".TH dmgrctl 1"));
  for (const Command& command : AllCommands()) {
    std::string name = std::string("dmgrctl-") + command.name;
    std::replace(name.begin(), name.end(), ' ', '-');
    INFO(name);
    const std::string text = page(name);
    CHECK_THAT(text, Catch::Contains(".SH SYNOPSIS") && Catch::Contains("\\-\\-server"));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      const std::string request = line.substr(0, line.find(' '));
      if (line.starts_with('.')) {
        CHECK(std::set<std::string>{".TH", ".SH", ".TP", ".B", ".nf", ".fi"}.contains(request));
      }
      CHECK_FALSE(line.starts_with('\''));
    }
  }
  CHECK_THAT(page("dmgrctl-cluster-start"), Catch::Contains("\\-\\-skip\\-unreachable"));
  CHECK(Execute({"__man-pages", "nowhere"}, &terminal) == kBadUsage);
}

TEST_CASE("what has no answer of dmgrd is printed for programs, too", "[app]") {
  FakeTerminal json(false);
  CHECK(Execute({"version", "-o", "json"}, &json) == kDone);
  CHECK(Json::parse(json.Out()).contains("version"));
  FakeTerminal yaml(false);
  CHECK(Execute({"-o", "yaml", "version"}, &yaml) == kDone);
  CHECK_THAT(yaml.Out(), Catch::StartsWith("version: "));
}

}  // namespace
}  // namespace dmgr::client

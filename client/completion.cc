#include "client/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <sstream>

namespace dmgr::client {
namespace {

using Words = std::vector<std::string>;

constexpr char kBash[] = R"(# bash completion of dmgrctl
_dmgrctl() {
  mapfile -t COMPREPLY < <(dmgrctl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _dmgrctl dmgrctl
)";

constexpr char kZsh[] = R"(#compdef dmgrctl
_dmgrctl() {
  local -a found
  found=("${(@f)$(dmgrctl __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found ]]; then compadd -a found; else _files; fi
}
# As a file of fpath it is the function's own body the first time.
if [[ $funcstack[1] == _dmgrctl ]]; then _dmgrctl "$@"; else compdef _dmgrctl dmgrctl; fi
)";

constexpr char kFish[] = R"(# fish completion of dmgrctl
function __dmgrctl_complete
  set -l words (commandline -opc)
  dmgrctl __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c dmgrctl -a '(__dmgrctl_complete)'
)";

// "a", "b" of "TEXT:{a,b}", as CLI11 describes an option with a choice.
Words Choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto begin = type.find('{');
  const auto end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  std::istringstream list(type.substr(begin + 1, end - begin - 1));
  Words choices;
  for (std::string choice; std::getline(list, choice, ',');) choices.push_back(choice);
  return choices;
}

// What a word is there, by what the help calls it.
Words ThingsCalled(const std::string& word, const std::string& cluster, const NamesOf& names) {
  static const std::map<std::string, Things> kCalled = {
      {"NAME", Things::kClusters},        {"--cluster", Things::kClusters},
      {"--node", Things::kInstances},     {"-N", Things::kInstances},
      {"MACHINE", Things::kMachines},     {"VERSION", Things::kVersions},
      {"OLD", Things::kMachines},         {"NEW", Things::kMachines},
      {"OPERATION", Things::kOperations}, {"CLUSTER", Things::kClusters},
      {"SOURCE", Things::kSources},       {"--source", Things::kSources},
      {"TARGET", Things::kTargets},       {"--target", Things::kTargets},
      {"TASK", Things::kTasks},           {"WORKER", Things::kInstances},
      {"--worker", Things::kInstances}};
  const auto things = kCalled.find(word);
  return things == kCalled.end() ? Words() : names(things->second, cluster);
}

// A command line up to the cursor.
struct Line {
  const CLI::App* app;
  // What follows the commands, without options and their values.
  Words arguments;
  // The option whose value stands under the cursor, as it was typed.
  const CLI::Option* open = nullptr;
  std::string open_name;
};

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// By its name, or another word for it.
const CLI::App* Below(const CLI::App& app, const std::string& word) {
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (below->check_name(word)) return below;
  }
  return nullptr;
}

Line Read(const CLI::App& root, const Words& words) {
  Line line{&root, {}, nullptr, ""};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (line.open != nullptr) {
      line.open = nullptr;
    } else if (word.starts_with("-")) {
      const CLI::Option* option = line.app->get_option_no_throw(word);
      if (option == nullptr || !TakesValue(*option)) continue;
      line.open = option;
      line.open_name = word;
    } else if (const CLI::App* below = Below(*line.app, word);
               below != nullptr && line.arguments.empty()) {
      line.app = below;
    } else {
      line.arguments.push_back(word);
    }
  }
  return line;
}

// The argument that stands behind so many others.
const CLI::Option* ArgumentAt(const CLI::App& app, std::size_t place) {
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    if (place == 0 || option->get_items_expected_max() > 1) return option;
    --place;
  }
  return nullptr;
}

Words Candidates(const Line& line, const std::string& current, const NamesOf& names) {
  const std::string cluster = line.arguments.empty() ? "" : line.arguments.front();
  if (line.open != nullptr) {
    const Words choices = Choices(*line.open);
    return choices.empty() ? ThingsCalled(line.open_name, cluster, names) : choices;
  }
  if (current.starts_with("-")) return OptionsOf(*line.app);
  Words commands = CommandsBelow(*line.app);
  if (!commands.empty()) return commands;
  const CLI::Option* argument = ArgumentAt(*line.app, line.arguments.size());
  if (argument == nullptr) return {};
  const Words choices = Choices(*argument);
  return choices.empty() ? ThingsCalled(argument->get_name(/*positional=*/true), cluster, names)
                         : choices;
}

}  // namespace

Words OptionsOf(const CLI::App& app) {
  Words options;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_snames()) options.push_back("-" + name);
    for (const auto& name : option->get_lnames()) options.push_back("--" + name);
  }
  return options;
}

Words CommandsBelow(const CLI::App& app) {
  Words commands;
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(below->get_name());
  }
  return commands;
}

Words Completions(const CLI::App& root, const Words& words, const NamesOf& names) {
  const std::string current = words.empty() ? "" : words.back();
  Words found = Candidates(Read(root, words), current, names);
  std::erase_if(found, [&](const std::string& word) { return !word.starts_with(current); });
  return found;
}

std::string CompletionScript(const std::string& shell) {
  if (shell == "zsh") return kZsh;
  return shell == "fish" ? kFish : kBash;
}

}  // namespace dmgr::client

#include "client/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace dmgr::client {
namespace {

// Every word before the cursor that is a command goes one level down. What can stand there: a
// command, an option after "-", or a value of the option before; else it is left to bash (files).
constexpr char kFunction[] = R"(
  local at=dmgrctl current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} i key
  for ((i = 1; i < COMP_CWORD; i++)); do
    key="$at ${COMP_WORDS[i]}"
    [[ -n ${words[$key]+known} && $key != *' -'* ]] && at=$key
  done
  key=$at
  if [[ -n ${words[$at $before]+known} && $before == -* ]]; then
    key="$at $before"
  elif [[ $current == -* ]]; then
    key="$at -"
  fi
  mapfile -t COMPREPLY < <(compgen -W "${words[$key]}" -- "$current")
}
complete -o default -F _dmgrctl dmgrctl
)";

// "a b" of "TEXT:{a,b}", as CLI11 describes an option with a choice.
std::string Choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto begin = type.find('{');
  const auto end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  std::string choices = type.substr(begin + 1, end - begin - 1);
  std::replace(choices.begin(), choices.end(), ',', ' ');
  return choices;
}

std::vector<std::string> Names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

// The words below one application, and below those below it.
void AddWords(const CLI::App& app, const std::string& path, std::string* script) {
  std::vector<std::string> commands, options;
  std::string values;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : Names(*option)) {
      options.push_back(name);
      if (option->get_items_expected_max() == 0) continue;
      values += fmt::format("    ['{} {}']='{}'\n", path, name, Choices(*option));
    }
  }
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : below) commands.push_back(command->get_name());
  *script += fmt::format("    ['{}']='{}'\n    ['{} -']='{}'\n{}", path, fmt::join(commands, " "),
                         path, fmt::join(options, " "), values);
  for (const CLI::App* command : below)
    AddWords(*command, path + " " + command->get_name(), script);
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  const CLI::App* root = &app;
  while (root->get_parent() != nullptr) root = root->get_parent();
  std::string script = "# bash completion of dmgrctl\n_dmgrctl() {\n  local -A words=(\n";
  AddWords(*root, "dmgrctl", &script);
  return script + "  )" + kFunction;
}

}  // namespace dmgr::client

#include "client/man_pages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

#include "absl/strings/str_replace.h"
#include "common/version.h"

namespace dmgr::client {
namespace {

constexpr std::string_view kExitStatus =
    ".SH EXIT STATUS\n"
    ".TP\n0\nIt is done.\n"
    ".TP\n1\nThe operation failed; of \"operation wait\": or has not ended.\n"
    ".TP\n2\nBad usage, or bad input.\n"
    ".TP\n3\nIt was refused.\n"
    ".TP\n4\nA server or a host cannot be reached.\n"
    ".TP\n130\nInterrupted; an operation goes on.\n";

constexpr std::string_view kEnvironment =
    ".SH ENVIRONMENT\n"
    ".TP\nDMGR_CONTEXT, DMGR_SERVER, DMGR_CA\n"
    "Stand for \\-\\-context, \\-\\-server and \\-\\-ca, and win over the context in use.\n"
    ".TP\nDMGR_CLIENT_CERT, DMGR_CLIENT_KEY\n"
    "Stand for \\-\\-client\\-cert and \\-\\-client\\-key, where no context is used.\n"
    ".TP\nDMGR_TOKEN, DMGR_TOKEN_FILE\nAn API token, or a session's, or the file with one, for the "
    "server of DMGR_TOKEN_SERVER, else of DMGR_SERVER; wins over a saved session.\n"
    ".TP\nNO_COLOR\nNo colours, whatever its value.\n";

// Text in which nothing is a request of roff.
std::string Escaped(std::string_view text) {
  std::string escaped;
  bool begins = true;
  for (const char c : text) {
    if (begins && (c == '.' || c == '\'')) escaped += "\\&";
    begins = c == '\n';
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::vector<const CLI::App*> Below(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// "NAME", "[FILE]" or "[MORE...]".
std::string Shape(const CLI::Option& argument) {
  std::string shape = argument.get_name(/*positional=*/true);
  if (argument.get_items_expected_max() > 1) shape += "...";
  return argument.get_required() ? shape : "[" + shape + "]";
}

// "-N, --node TEXT".
std::string Names(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name(/*positional=*/true);
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  const bool has_value = option.get_items_expected_max() > 0;
  std::string type = has_value ? option.get_type_name() : "";
  // "TEXT:{one,other}": the choices say all; with spaces, at which a line may end.
  if (const auto choices = type.find('{'); choices != std::string::npos) {
    type = absl::StrReplaceAll(type.substr(choices), {{",", ", "}});
  }
  return type.empty() ? text : text + " " + type;
}

void AddOptions(const CLI::App& app, bool arguments, std::string* page) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() != arguments) continue;
    *page += fmt::format(".TP\n.B {}\n{}\n", Escaped(Names(*option)),
                         Escaped(option->get_description()));
  }
}

// "Example:\n  what to type".
void AddExample(const CLI::App& app, std::string* page) {
  std::istringstream footer(app.get_footer());
  std::string line;
  std::string lines;
  while (std::getline(footer, line)) {
    if (!line.empty() && line != "Example:") lines += Escaped(line) + "\n";
  }
  if (!lines.empty()) *page += ".SH EXAMPLES\n.nf\n" + lines + ".fi\n";
}

void AddPages(const CLI::App& app, const std::string& command,
              std::map<std::string, std::string>* pages) {
  std::string name = command;
  std::replace(name.begin(), name.end(), ' ', '-');
  const auto below = Below(app);
  std::string page = fmt::format(
      ".TH {} 1 \"\" \"dmgr {}\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}", Escaped(name),
      Escaped(BuildVersion()), Escaped(name), Escaped(app.get_description()), Escaped(command));
  if (!below.empty()) page += " COMMAND";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) page += " " + Escaped(Shape(*option));
  }
  page += " [OPTION]...\n";
  if (!below.empty()) page += ".SH COMMANDS\n";
  for (const CLI::App* one : below) {
    const std::string title = command + " " + one->get_name();
    page += fmt::format(".TP\n.B {}\n{}\n", Escaped(title), Escaped(one->get_description()));
    AddPages(*one, title, pages);
  }
  page += ".SH OPTIONS\n";
  AddOptions(app, /*arguments=*/true, &page);
  AddOptions(app, /*arguments=*/false, &page);
  AddExample(app, &page);
  page += kExitStatus;
  page += kEnvironment;
  (*pages)[name] = std::move(page);
}

}  // namespace

std::map<std::string, std::string> ManPages(const CLI::App& root) {
  std::map<std::string, std::string> pages;
  AddPages(root, root.get_name(), &pages);
  return pages;
}

}  // namespace dmgr::client

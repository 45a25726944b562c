// README's commands, typed as they stand there.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/lab/program.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

struct Step {
  std::string command;
  std::vector<std::string> output;

  // Whether the README shows that it ends with an error.
  bool Fails() const {
    return std::any_of(output.begin(), output.end(),
                       [](const std::string& line) { return line.starts_with("error: "); });
  }
};

// The fenced blocks of this language in the sections that are typed.
std::vector<std::string> Blocks(const std::string& language) {
  static const std::set<std::string> kSections = {"## Five minutes", "## When something failed",
                                                  "## The years after"};
  std::ifstream in(DMGR_SOURCE_DIR "/README.md");
  std::vector<std::string> blocks;
  bool section = false, inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) section = kSections.count(line) > 0;
    if (!section) continue;
    if (line.starts_with("```")) {
      inside = line == "```" + language;
      if (inside) blocks.emplace_back();
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

// The name of a block's file, which its first line says in a comment.
std::string FileName(const std::string& block) {
  REQUIRE(block.starts_with("# "));
  return block.substr(2, block.find('\n') - 2);
}

std::vector<Step> Steps(const std::string& block) {
  std::vector<Step> steps;
  std::istringstream in(block);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("$ ")) {
      steps.push_back({line.substr(2), {}});
    } else {
      REQUIRE_FALSE(steps.empty());
      steps.back().output.push_back(line);
    }
  }
  return steps;
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// The words before the first that is another one in each run.
std::string FirstWords(const std::string& line) {
  std::string first;
  for (const auto& word : Words(line)) {
    if (word.find_first_of("0123456789") != std::string::npos && word != kVersion) break;
    if (word.find("...") != std::string::npos) break;
    first += word + " ";
  }
  return first;
}

std::string Replaced(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [from, to] : values) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

// The first id of an operation or a patch; empty when there is none.
std::string FirstId(const std::string& text) {
  static const std::regex kId("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
  std::smatch match;
  return std::regex_search(text, match, kId) ? match.str() : std::string();
}

// In the daemon's folder: dmgrctl is that of this build, with the daemon's address; all else is for
// a shell.
Result Type(const TestDaemon& daemon, const std::string& command) {
  auto words = Words(command);
  if (words.front() != "dmgrctl") {
    return Run({.args = {"/bin/bash", "-c", command}, .directory = daemon.dir()});
  }
  words.erase(words.begin());
  return daemon.Ctl(words, std::string(TestDaemon::kPassword) + "\n");
}

TEST_CASE("the README's commands print what it says", "[lab][tour]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  // One that knows nothing yet.
  TestDaemon daemon;
  std::filesystem::create_directory_symlink(site.daemon().dir() / "tarballs",
                                            daemon.dir() / "tarballs");
  std::map<std::string, std::string> values = {{"~/.ssh/id_ed25519", site.lab().Key().string()}};
  for (std::size_t i = 0; i < Site::Hosts().size(); ++i) {
    values["10.0.0." + std::to_string(i + 1)] = site.Address(Site::Hosts()[i]);
  }
  for (const auto& file : Blocks("yaml")) {
    std::ofstream(daemon.dir() / FileName(file)) << Replaced(file, values);
  }
  std::filesystem::copy_file(Program(site, "dm-worker", "dm-worker-fix"),
                             daemon.dir() / "dm-worker");
  const auto consoles = Blocks("console");
  const auto steps = Steps(fmt::format("{}", fmt::join(consoles, "")));
  CHECK(steps.size() > 30);
  for (const auto& step : steps) {
    const Result result = Type(daemon, Replaced(step.command, values));
    INFO("$ " << step.command << "\n" << result.out << result.err);
    REQUIRE((result.exit_code != 0) == step.Fails());
    std::string printed;
    for (const auto& word : Words(result.out + result.err)) printed += word + " ";
    for (const auto& line : step.output) {
      INFO("documented: " << line);
      CHECK_THAT(printed, Catch::Contains(FirstWords(line)));
    }
    const std::string id = FirstId(fmt::format("{}", fmt::join(step.output, "\n")));
    if (!id.empty()) values.try_emplace(id, FirstId(result.out + result.err));
    if (std::getenv("DMGR_SHOW_TOUR") != nullptr) {
      std::printf("$ %s\n%s%s", step.command.c_str(), result.out.c_str(), result.err.c_str());
    }
  }
}

}  // namespace
}  // namespace dmgr::testing

// README's five minutes and the years after, typed as they stand there.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

struct Step {
  std::string command;
  std::vector<std::string> output;
};

// The fenced blocks of this language in the two sections.
std::vector<std::string> Blocks(const std::string& language) {
  std::ifstream in(DMGR_SOURCE_DIR "/README.md");
  std::vector<std::string> blocks;
  bool section = false, inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) {
      section = line == "## Five minutes" || line == "## The years after";
    }
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

TEST_CASE("the README's five minutes and the years after are as it says", "[lab][tour]") {
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
  const auto files = Blocks("yaml");
  const std::vector<std::string> names = {"topology.yaml", "edited.yaml", "more.yaml"};
  REQUIRE(files.size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::ofstream(daemon.dir() / names[i]) << Replaced(files[i], values);
  }
  const auto consoles = Blocks("console");
  const auto steps = Steps(fmt::format("{}", fmt::join(consoles, "")));
  CHECK(steps.size() > 16);
  for (const auto& step : steps) {
    auto words = Words(Replaced(step.command, values));
    REQUIRE(words.front() == "dmgrctl");
    words.erase(words.begin());
    const auto result = daemon.Ctl(words, std::string(TestDaemon::kPassword) + "\n");
    INFO("$ " << step.command << "\n" << result.out << result.err);
    REQUIRE(result.exit_code == 0);
    std::string printed;
    for (const auto& word : Words(result.out + result.err)) printed += word + " ";
    for (const auto& line : step.output) {
      INFO("documented: " << line);
      CHECK_THAT(printed, Catch::Contains(FirstWords(line)));
    }
    if (std::getenv("DMGR_SHOW_TOUR") != nullptr) {
      std::printf("$ %s\n%s%s", step.command.c_str(), result.out.c_str(), result.err.c_str());
    }
  }
}

}  // namespace
}  // namespace dmgr::testing

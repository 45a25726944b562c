// Every target with the inputs that are kept, without a fuzzer.
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "tests/fuzz/targets.h"
#include "tests/support/files.h"

namespace dmgr::fuzz {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, void (*)(std::string_view)> kTargets = {
    {"backup", FuzzBackup},
    {"command_line", FuzzCommandLine},
    {"diagnosis", FuzzDiagnosis},
    {"dm_answers", FuzzDmAnswers},
    {"dm_texts", FuzzDmTexts},
    {"dmgrd_toml", FuzzDmgrdToml},
    {"errors", FuzzErrors},
    {"frames", FuzzFrames},
    {"json", FuzzJson},
    {"migrations", FuzzMigrations},
    {"monitoring", FuzzMonitoring},
    {"near", FuzzNear},
    {"package", FuzzPackage},
    {"pages", FuzzPages},
    {"patch", FuzzPatch},
    {"render", FuzzRender},
    {"requests", FuzzRequests},
    {"responses", FuzzResponses},
    {"templates", FuzzTemplates},
    {"text", FuzzText},
    {"toml", FuzzToml},
    {"topology", FuzzTopology},
};

fs::path CorpusOf(const std::string& target) {
  return fs::path(DMGR_SOURCE_DIR "/tests/fuzz/corpus") / target;
}

}  // namespace

TEST_CASE("every target takes the inputs that are kept for it, whole and cut short") {
  for (const auto& [name, run] : kTargets) {
    CAPTURE(name);
    CHECK_NOTHROW(run(""));
    int seeds = 0;
    for (const auto& file : fs::directory_iterator(CorpusOf(name))) {
      CAPTURE(file.path());
      const std::string input = testing::Contents(file.path());
      CHECK_NOTHROW(run(input));
      for (const std::size_t part : {1, 2, 3}) {
        CHECK_NOTHROW(run(std::string_view(input).substr(0, input.size() * part / 4)));
      }
      ++seeds;
    }
    CHECK(seeds > 0);
  }
}

TEST_CASE("no inputs are kept for a target that there is not, and they are few") {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(CorpusOf(""))) {
    if (entry.is_directory()) {
      CAPTURE(entry.path());
      const std::string name = entry.path().filename().string();
      CHECK((kTargets.contains(name) || name == "far"));
    } else {
      bytes += entry.file_size();
    }
  }
  CHECK(bytes < 200'000);
}

}  // namespace dmgr::fuzz

// What the fuzzer's corpus asks of a far end (tests/fuzz/far.cc), asked of the program itself.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/host/far_process.h"
#include "tests/support/files.h"

namespace dmgr::test {

TEST_CASE("a far end answers every request that is kept for the fuzzer, and goes on") {
  int seeds = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(DMGR_SOURCE_DIR "/tests/fuzz/corpus/far")) {
    CAPTURE(file.path());
    const std::string input = testing::Contents(file.path());
    REQUIRE_FALSE(input.empty());
    hv1::ToHost request;
    REQUIRE(request.ParseFromString(input.substr(1)));
    const TempRoot root;
    FarProcess far(root);
    REQUIRE(far.Begin(kClusterA, 7).has_begin());
    // Twice: a step may be run again.
    for (int turn = 0; turn < 2; ++turn) {
      CHECK(far.Call(request).body_case() != hv1::FromHost::BODY_NOT_SET);
    }
    far.CloseInput();
    CHECK(far.ExitStatus() == 0);
    ++seeds;
  }
  CHECK(seeds > 0);
}

}  // namespace dmgr::test

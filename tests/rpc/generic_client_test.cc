// A client that no one wrote for dmgr: it learns all from server reflection.
#include "tests/rpc/fixture.h"

namespace dmgr::testing {
namespace {

TEST_CASE("a client that knows only the address finds its way by reflection", "[rpc][reflection]") {
  AddCluster("generic");
  const Result result =
      Run({.args = {"/usr/bin/python3", DMGR_SOURCE_DIR "/tests/rpc/generic_client.py",
                    Daemon().address(), TestDaemon::kAdmin, "generic"},
           .input = std::string(TestDaemon::kPassword) + "\n"},
          std::chrono::minutes(2));
  INFO(result.out << result.err);
  REQUIRE(result.exit_code == 0);
  for (const char* line : {"services dmgr.v1.", "dmgr.v1.Machine 1:machine_id 2:host",
                           "logged in admin", "OPERATION_STATE_SUCCEEDED\n",
                           "error NOT_FOUND google.rpc.ErrorInfo", "MACHINE_NOT_FOUND"}) {
    CHECK_THAT(result.out, Catch::Contains(line));
  }
}

}  // namespace
}  // namespace dmgr::testing

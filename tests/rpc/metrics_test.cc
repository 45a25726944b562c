// What Prometheus scrapes of a dmgrd.
#include <fmt/format.h>

#include "absl/time/clock.h"
#include "server/dm/client.h"
#include "tests/rpc/calls.h"

namespace dmgr::testing {
namespace {

std::string Scrape(int port) {
  const auto answer =
      dm::HttpGet(fmt::format("http://127.0.0.1:{}/metrics", port), absl::Now() + absl::Minutes(1));
  REQUIRE_OK(answer.status());
  CHECK(answer->status == 200);
  return answer->body;
}

TEST_CASE("metrics are served where the configuration says", "[rpc][daemon]") {
  int port = 0;
  {
    const SilentHost free;
    port = free.port();
  }
  TestDaemon daemon(
      {.config = {{"server.metrics_address", fmt::format("\"127.0.0.1:{}\"", port)}}});
  const auto refused = RawCall(daemon.address(), "dmgr.v1.TaskService/ListTasks", "", "");
  CHECK(refused.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  const std::string text = Scrape(port);
  for (const char* line :
       {"dmgr_readings_complete 1\n", "dmgr_active_operations 0\n", "dmgr_host_sessions 0\n",
        "dmgr_queue_oldest_seconds 0\n", "dmgr_leases{state=\"held\"} 0\n",
        "dmgr_leases{state=\"lapsed\"} 0\n", "dmgr_database_connections{state=\"max\"} 16\n",
        "dmgr_unfinished_uploads 0\n", "dmgr_forgotten_total{what=\"operations\"} 0\n",
        "dmgr_forgotten_total{what=\"sessions\"} 0\n",
        "dmgr_forgotten_total{what=\"far_ends\"} 0\n",
        "dmgr_rpcs_total{method=\"dmgr.v1.TaskService/ListTasks\",code=\"UNAUTHENTICATED\"} 1\n"}) {
    CHECK_THAT(text, Catch::Contains(line));
  }
}

}  // namespace
}  // namespace dmgr::testing

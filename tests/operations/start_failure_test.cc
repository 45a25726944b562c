// What a start says that fails.
#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/service/service.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"

namespace dmgr::test {
namespace {

constexpr char kFailing[] = "dm-test";
constexpr char kUnit[] = "dm-worker-18262.service";
constexpr char kLogs[] = "opt/dm/deploy/dm-worker-18262/log/";

absl::StatusOr<v1::Operation> Deploy(Stage& stage) {
  v1::DeployClusterRequest request;
  request.set_cluster_name(kFailing);
  request.set_version("v7.5.1");
  *request.mutable_topology() = SampleTopology();
  return operations::DeployCluster(stage.resources(), request, {"alice"});
}

absl::StatusOr<v1::Operation> Start(Stage& stage) {
  v1::StartClusterRequest request;
  request.set_cluster_name(kFailing);
  return operations::StartCluster(stage.resources(), request, {"alice"});
}

std::string FirstLine(const absl::Status& status) {
  return std::string(Message(status).substr(0, Message(status).find('\n')));
}

TEST_CASE("a start that fails has the reason on its first line, and nothing from before",
          "[runners]") {
  Stage stage;
  Perform(&stage, [&] { return Deploy(stage); });
  const StandInHost& host = stage.host("m2");
  const std::string folder = kLogs;
  host.root().Write(folder + "dm-worker_stdout.log", "parse cmd flags err: of a life before\n");
  host.Break(kUnit, "echo 'parse cmd flags err: parse rpc timeout str' >> $ROOT/" + folder +
                        "dm-worker_stdout.log\n"
                        "echo '{\"level\":\"warn\",\"msg\":\"retrying of unary invoker "
                        "failed\"}' >> $ROOT/" +
                        folder + "dm-worker_stderr.log\n");
  const absl::Status failed = PerformToFailure(&stage, [&] { return Start(stage); });
  INFO(failed.message());
  CHECK(Reason(failed) == "CRASH_LOOP");
  CHECK(FirstLine(failed) ==
        "worker-2 on m2 does not start: parse cmd flags err: parse rpc timeout str (exit status "
        "2)");
  CHECK(Message(failed).find("of a life before") == std::string_view::npos);
  CHECK(Message(failed).find("retrying") == std::string_view::npos);
  CHECK(Message(failed).find("all of it on m2: /" + folder + "dm-worker_stdout.log") !=
        std::string_view::npos);
  CHECK_FALSE(Metadata(failed, "remedy").empty());
  CHECK(NextActionsOf(failed).size() == 3);
}

TEST_CASE("a start that fails without a word says so", "[runners]") {
  Stage stage;
  Perform(&stage, [&] { return Deploy(stage); });
  stage.host("m2").Break(kUnit, "");
  const absl::Status failed = PerformToFailure(&stage, [&] { return Start(stage); });
  CHECK(FirstLine(failed) ==
        "worker-2 on m2 does not start: neither it nor systemd says why (exit status 2)");
}

}  // namespace
}  // namespace dmgr::test

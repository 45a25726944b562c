#include "server/instances/logs.h"

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include "common/error.h"
#include "tests/instances/two_hosts.h"
#include "tests/support/eventually.h"

namespace dmgr::test {
namespace {

// What came of logs.
struct Read {
  v1::LogSources sources;
  // By "node kind".
  std::map<std::string, std::string> texts;
  std::map<std::string, v1::HostProblem> problems;

  void Take(const v1::ReadLogsResponse& response) {
    if (response.has_sources()) sources = response.sources();
    if (response.has_problem()) {
      problems[sources.hosts(static_cast<int>(response.problem().host_index())).host()] =
          response.problem();
    }
    if (!response.has_lines()) return;
    const auto& source = sources.sources(static_cast<int>(response.lines().source_index()));
    texts[source.node() + " " + v1::LogKind_Name(source.kind())] += response.lines().data();
  }
};

v1::ReadLogsRequest Logs() {
  v1::ReadLogsRequest request;
  request.set_cluster_name(kDemo);
  return request;
}

absl::Status ReadAll(TwoHosts& hosts, const v1::ReadLogsRequest& request, Read* read) {
  return instances::ReadLogs(
      hosts.resources(), &hosts.places(), request, [] { return false; },
      [&](const auto& response) {
        read->Take(response);
        return true;
      });
}

TEST_CASE("the logs of all instances come, each with its name, and any bytes", "[logs]") {
  TwoHosts hosts;
  hosts.h1().Write("dm/demo/log/dm-master.log", "one\n\xff\xfe\ntwo\n");
  hosts.h1().Write("dm/demo/log/dm-master_stdout.log", "parse cmd flags err\n");
  hosts.h2().Write("dm/worker/log/dm-worker_stderr.log", "three");
  Read read;
  REQUIRE_OK(ReadAll(hosts, Logs(), &read));
  CHECK(read.problems.empty());
  CHECK(read.sources.sources_size() == 8);
  CHECK(read.texts == std::map<std::string, std::string>{
                          {"h1.example:8261 LOG_KIND_FILE", "one\n\xff\xfe\ntwo\n"},
                          {"h1.example:8261 LOG_KIND_STDOUT", "parse cmd flags err\n"},
                          {"h2.example:8262 LOG_KIND_STDERR", "three\n"}});
}

TEST_CASE("only what is selected is read", "[logs]") {
  TwoHosts hosts;
  hosts.h1().Write("dm/demo/log/dm-master.log", "one\ntwo\n");
  hosts.h2().Write("dm/worker/log/dm-worker.log", "ones\nonce\n");
  auto request = Logs();
  request.add_kinds(v1::LOG_KIND_FILE);
  request.set_pattern("^on.$|onc");
  Read read;
  SECTION("by role") {
    request.mutable_selection()->add_components(v1::COMPONENT_DM_MASTER);
    REQUIRE_OK(ReadAll(hosts, request, &read));
    CHECK(read.texts.at("h1.example:8261 LOG_KIND_FILE") == "one\n");
    CHECK(read.sources.sources_size() == 1);
  }
  SECTION("by node") {
    request.mutable_selection()->add_nodes("h2.example:8262");
    REQUIRE_OK(ReadAll(hosts, request, &read));
    CHECK(read.texts.at("h2.example:8262 LOG_KIND_FILE") == "once\n");
  }
}

TEST_CASE("a host that is dead is told, and the others go on", "[logs]") {
  TwoHosts hosts;
  hosts.h2().Write("dm/worker/log/dm-worker.log", "alive\n");
  hosts.Lose("h1");
  Read read;
  REQUIRE_OK(ReadAll(hosts, Logs(), &read));
  CHECK(read.texts.at("h2.example:8262 LOG_KIND_FILE") == "alive\n");
  CHECK(FromProto(read.problems.at("h1.example").error()).code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("what makes no sense is refused before any host is asked", "[logs]") {
  TwoHosts hosts;
  hosts.Lose("h1");
  hosts.Lose("h2");
  Read read;
  auto request = Logs();
  const auto check = [&](const std::string& field) {
    const absl::Status status = ReadAll(hosts, request, &read);
    CHECK(absl::IsInvalidArgument(status));
    CHECK(FieldViolations(status).field_violations(0).field() == field);
  };
  SECTION("a pattern") {
    request.set_pattern("(");
    check("pattern");
  }
  SECTION("a kind") {
    request.add_kinds(static_cast<v1::LogKind>(77));
    check("kinds[0]");
  }
  SECTION("a node") {
    request.mutable_selection()->add_nodes("h9:1");
    check("selection.nodes[0]");
  }
  SECTION("a cluster") {
    request.set_cluster_name("nothing");
    CHECK(absl::IsNotFound(ReadAll(hosts, request, &read)));
  }
}

TEST_CASE("a follower gets what comes until its caller goes, and then nothing is left", "[logs]") {
  TwoHosts hosts;
  hosts.h1().Write("dm/demo/log/dm-master.log", "one\n");
  auto request = Logs();
  request.set_follow(true);
  std::atomic<int> lines = 0;
  std::atomic<bool> gone = false;
  absl::Status status;
  std::thread follower([&] {
    status = instances::ReadLogs(
        hosts.resources(), &hosts.places(), request, [&] { return gone.load(); },
        [&](const auto& response) {
          if (response.has_lines()) ++lines;
          return true;
        });
  });
  CHECK(testing::Eventually([&] { return lines == 1; }));
  hosts.h2().Write("dm/worker/log/dm-worker.log", "two\n");
  CHECK(testing::Eventually([&] { return lines == 2; }));
  gone = true;
  follower.join();
  CHECK(absl::IsCancelled(status));
  // The place is free again.
  CHECK(hosts.places().Take(256).ok());
}

TEST_CASE("there are so many streams at most", "[logs]") {
  TwoHosts hosts;
  const auto hold = hosts.places().Take(255);
  REQUIRE_OK(hold.status());
  Read read;
  const absl::Status status = ReadAll(hosts, Logs(), &read);
  CHECK(Reason(status) == "TOO_MANY_STREAMS");
  CHECK(absl::IsResourceExhausted(status));
}

}  // namespace
}  // namespace dmgr::test

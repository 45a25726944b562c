// Values with which DM would not start.
#include "server/topology/dm_values.h"

#include <fmt/format.h>

#include <utility>

#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

std::string Config(const std::string& role, const std::string& key, const std::string& value) {
  return fmt::format(R"(server_configs {{ {} {{ fields {{ key: "{}" value {{ {} }} }} }} }})", role,
                     key, value);
}

std::string TextValueOf(const std::string& text) {
  return fmt::format(R"(string_value: "{}")", text);
}

TEST_CASE("durations are those of Go") {
  for (const char* text : {"30s", "1h", "1h30m", "1.5h", ".5s", "5.s", "0", "+1s", "-1s", "100ms",
                           "1us", "1\u00b5s", "1\u03bcs", "1ns", "2m3s4ms"}) {
    CAPTURE(text);
    CHECK(IsGoDuration(text));
  }
  for (const char* text : {"", "30", "s", "30 s", "30S", "1d", "1w", "1.2.3s", ".s", "-", "+-1s",
                           "1e3s", "1h ", "10000000h", "thirty"}) {
    CAPTURE(text);
    CHECK_FALSE(IsGoDuration(text));
  }
}

TEST_CASE("what DM refuses when it starts is refused with its key") {
  struct Row {
    std::string role, key, value, text;
  };
  for (const Row& row : std::vector<Row>{
           {"master", "rpc-timeout", TextValueOf("30"), "\"30\" is not a duration"},
           {"master", "rpc-timeout", TextValueOf("1 min"), "is not a duration"},
           {"master", "log-level", TextValueOf("verbose"), "none of debug, info"},
           {"worker", "log-level", TextValueOf("warning"), "none of debug, info"},
           {"master", "log-format", TextValueOf("xml"), "neither \"text\" nor \"json\""},
           {"worker", "log-format", TextValueOf("JSON"), "neither \"text\" nor \"json\""},
           {"master", "auto-compaction-mode", TextValueOf("never"), "neither \"periodic\""},
           {"master", "auto-compaction-retention", TextValueOf("1d"), "neither a duration"},
           {"master", "max-txn-ops", "number_value: -1", "-1 is below 0"},
           {"master", "max-request-bytes", "number_value: -5", "-5 is below 0"},
           {"worker", "keepalive-ttl", "number_value: 9000000001", "9000000000 seconds at most"},
           {"worker", "relay-keepalive-ttl", "number_value: 1e12", "seconds at most"}}) {
    CAPTURE(row.key, row.value);
    std::vector<Problem> problems;
    Expand(Input(kMaster + Config(row.role, row.key, row.value)), &problems);
    CAPTURE(Texts(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == fmt::format("topology.server_configs.{}.{}", row.role, row.key));
    CHECK_THAT(problems[0].text, Catch::Contains(row.text));
  }
}

TEST_CASE("what DM takes is not refused") {
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"rpc-timeout", TextValueOf("1m30s")},
           {"rpc-timeout", TextValueOf("")},
           {"log-level", TextValueOf("WARN")},
           {"log-level", TextValueOf("Debug")},
           {"log-level", TextValueOf("")},
           {"log-format", TextValueOf("json")},
           {"log-format", TextValueOf("")},
           {"auto-compaction-mode", TextValueOf("revision")},
           {"auto-compaction-retention", TextValueOf("10")},
           {"auto-compaction-retention", TextValueOf("1h30m")},
           {"max-txn-ops", "number_value: 0"},
           {"quota-backend-bytes", "number_value: -1"},
           {"log-rotate", TextValueOf("anything")}}) {
    CAPTURE(key, value);
    CHECK(ProblemsOf(Input(kMaster + Config("master", key, value))).empty());
  }
}

TEST_CASE("dm-master listens on addresses, and can be reached from the others") {
  const auto problems = [](const std::string& listen_host, const std::string& more = "") {
    return ProblemsOf(
        Input(fmt::format("global {{ listen_host: \"{}\" }} {} {}", listen_host, kMaster, more)));
  };
  for (const char* address : {"0.0.0.0", "::", "10.0.0.1", "127.0.0.1", "localhost"}) {
    CAPTURE(address);
    CHECK(problems(address).empty());
  }
  for (const char* name : {"h1.example", "10.0.0.256"}) {
    const auto texts = problems(name);
    CAPTURE(texts);
    REQUIRE(texts.size() == 1);
    CHECK_THAT(texts[0], Catch::StartsWith("topology.global.listen_host: ") &&
                             Catch::Contains("binds to addresses only"));
  }
  const std::string other = R"(worker_servers { placement { host: "10.0.0.2" } })";
  CHECK(problems("10.0.0.1", other).empty());
  REQUIRE(problems("127.0.0.1", other).size() == 1);
  CHECK_THAT(problems("127.0.0.1", other)[0], Catch::Contains("from its own host only"));
}

TEST_CASE("a user that the hosts have already keeps its name and its group") {
  ExpandInput input = Input(R"(global { user: "svc.DM" } )" + kMaster);
  REQUIRE(ProblemsOf(input).size() == 1);
  CHECK_THAT(ProblemsOf(input)[0], Catch::Contains("when it is not to be created"));
  input.skip_create_user = true;
  const Cluster cluster = Good(input);
  CHECK(cluster.user == "svc.DM");
  CHECK(cluster.group.empty());
  CHECK(cluster.instances[0].deploy_dir == "/home/svc.DM/deploy/dm-master-8261");
  input.topology.mutable_global()->set_group("db.admins");
  CHECK(Good(input).group == "db.admins");
  input.topology.mutable_global()->set_user("svc:dm");
  CHECK(ProblemsOf(input).size() == 1);
}

TEST_CASE("a dm-master and a dm-worker may have one name") {
  const std::string both = R"(master_servers { placement { host: "10.0.0.1" } name: "x" }
                              worker_servers { placement { host: "10.0.0.2" } name: "x" })";
  const ExpandInput input = Input(both);
  Cluster cluster = Good(input);
  CHECK(cluster.instances[0].name == "x");
  CHECK(cluster.instances[1].name == "x@dm-worker");
  CHECK(cluster.instances[1].DmName() == "x");
  std::vector<Problem> problems;
  CHECK(Select(cluster, {}, {"x"}, &problems).size() == 2);
  CHECK(Select(cluster, {}, {"x@dm-worker"}, &problems).size() == 1);
  CHECK(Select(cluster, {"dm-worker"}, {"x"}, &problems).size() == 1);
  CHECK(problems.empty());
  // To those that exist the same is added.
  ExpandInput more = Input(R"(worker_servers { placement { host: "10.0.0.3" } name: "x" })");
  more.existing = &cluster;
  REQUIRE(ProblemsOf(more).size() == 1);
  const Cluster master_only = Only(cluster, {"x"});
  more.existing = &master_only;
  CHECK(Good(more).instances[0].name == "x@dm-worker");
  v1::Topology left = input.topology;
  RemoveServers({cluster.instances[1]}, &left);
  CHECK(left.worker_servers().empty());
  CHECK(left.master_servers_size() == 1);
}

}  // namespace
}  // namespace dmgr::topology

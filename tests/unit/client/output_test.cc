// What dmgrctl prints: tables, JSON, YAML.
#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "client/output/diff.h"
#include "client/output/format.h"
#include "client/output/next_actions.h"
#include "client/output/prefixed.h"
#include "client/output/structured.h"
#include "client/output/tables.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"
#include "dmgr/v1/next_action.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

// The words of a line that are two spaces or more apart.
std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t begin = 0;
  while (begin < line.size()) {
    const std::size_t end = std::min(line.find("  ", begin), line.size());
    cells.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(' ', end);
  }
  return cells;
}

v1::GetClusterStatusResponse SampleStatus() {
  return Parse<v1::GetClusterStatusResponse>(R"(
    cluster_name: "demo" version: "v7.5.1" state: CLUSTER_STATE_UP
    instances { name: "dm-a" component: COMPONENT_DM_MASTER host: "10.0.0.1" port: 8261 healthy: true
                state: INSTANCE_STATE_ACTIVE state_text: "active/running" leader: true
                stage: STAGE_ALIVE stage_text: "alive" version: "v7.5.1" uptime { seconds: 3700 }
                patch_id: "abc" enabled: true }
    instances { name: "dm-b" component: COMPONENT_DM_WORKER host: "10.0.0.2" port: 8262
                state: INSTANCE_STATE_UNREACHABLE state_text: "unreachable" uptime {} reason: "no answer from 10.0.0.2" }
    active_operation_id: "op-1" warnings: "DM lists dm-x"
    grafana_url: "http://10.0.0.1:3000")");
}

TEST_CASE("a table's columns are as wide as their widest cell", "[output]") {
  CHECK(Table({{"A", "LONGER"}, {"wide cell", "x"}, {"", "y"}}) ==
        "A          LONGER\nwide cell  x\n           y\n");
}

TEST_CASE("JSON of a status prints every documented key, defaults included", "[output]") {
  const auto json = nlohmann::json::parse(ToJson(SampleStatus()));
  const std::vector<std::string> keys = {
      "name",       "component",  "host",          "port",     "healthy", "state",
      "leader",     "stage",      "source",        "version",  "uptime",  "restarts",
      "reason",     "unit",       "deploy_dir",    "data_dir", "enabled", "patch_id",
      "state_text", "stage_text", "reload_pending"};
  REQUIRE(json["instances"].size() == 2);
  for (const auto& instance : json["instances"]) {
    CHECK(instance.size() == keys.size());
    for (const auto& key : keys) CHECK(instance.contains(key));
  }
  const auto& worker = json["instances"][1];
  CHECK(worker["healthy"] == false);
  CHECK(worker["leader"] == false);
  CHECK(worker["restarts"] == 0);
  CHECK(worker["uptime"] == "0s");
  CHECK(worker["source"] == "");
  CHECK(json["instances"][0]["uptime"] == "3700s");
  CHECK(json["healthy"] == false);
  CHECK(json["cluster_name"] == "demo");
  CHECK(json["state"] == "CLUSTER_STATE_UP");
  CHECK(json["warnings"].size() == 1);
  // An empty answer has its lists, too.
  const auto empty = nlohmann::json::parse(ToJson(v1::ListClustersResponse()));
  CHECK(empty["clusters"].is_array());
  CHECK(empty["next_page_token"] == "");
}

// The same content; what JSON has as a string is one for every YAML reader.
void CheckSame(const Json& json, const YAML::Node& yaml) {
  INFO(json.dump());
  if (json.is_object()) {
    REQUIRE(yaml.IsMap());
    REQUIRE(yaml.size() == json.size());
    for (const auto& [key, value] : json.items()) CheckSame(value, yaml[key]);
  } else if (json.is_array()) {
    REQUIRE(yaml.IsSequence());
    REQUIRE(yaml.size() == json.size());
    for (std::size_t i = 0; i < json.size(); ++i) CheckSame(json[i], yaml[i]);
  } else if (json.is_string()) {
    CHECK(yaml.Scalar() == json.get<std::string>());
  } else {
    CHECK(yaml.Scalar() == json.dump());
    // Plain: not quoted.
    CHECK(yaml.Tag() == "?");
  }
}

TEST_CASE("YAML has the same content as JSON", "[output]") {
  CheckSame(Json::parse(ToJson(SampleStatus())), YAML::Load(ToYaml(SampleStatus())));
  const v1::ListClustersResponse empty;
  CheckSame(Json::parse(ToJson(empty)), YAML::Load(ToYaml(empty)));
  CHECK(ToYaml(Json{{"healthy", true}, {"port", 8261}, {"list", Json::array()}}) ==
        "healthy: true\nport: 8261\nlist: []\n");
}

TEST_CASE("strings that look like something else stay strings in YAML", "[output]") {
  for (const char* text :
       {"yes",  "No",   "on",    "y",          "true", "False", "null",   "~",
        "",     "1",    "-1",    "1.5",        "1e3",  "0x1f",  "0o7",    "1_000",
        ".inf", ".nan", "12:30", "2026-11-22", "a: b", "# no",  "- item", "[x]",
        "{x}",  "*a",   "&a",    "!a",         "%a",   "@a",    "`a",     "line\nline",
        " a",   "a ",   "it's",  "\"q\"",      "<<",   "=",     "---",    "\xc3\xa9"}) {
    INFO(text);
    const YAML::Node node = YAML::Load(ToYaml(Json{{"key", text}}))["key"];
    CHECK(node.Scalar() == text);
    CHECK(node.Tag() == "!");
  }
  for (const char* text : {"v7.5.1", "dm-master", "active/running", "CLUSTER_STATE_UP"}) {
    CHECK(ToYaml(Json{{"key", text}}) == std::string("key: ") + text + "\n");
  }
  CHECK(YAML::Load(ToYaml(Json{{"yes", 1}})).begin()->first.Tag() == "!");
}

TEST_CASE("columns of the tables are stable", "[output]") {
  const auto head = [](const std::string& table) { return Cells(Lines(table).at(0)); };
  using Names = std::vector<std::string>;
  CHECK(head(ToTable(v1::ListMachinesResponse())) ==
        Names{"MACHINE", "ADDRESS", "USER", "ROOT BY", "OS", "ARCH", "CORES", "MEMORY", "LABELS"});
  CHECK(head(ToTable(v1::CheckMachineResponse())) == Names{"CHECK", "RESULT", "WHAT WAS SEEN"});
  CHECK(head(ToTable(v1::ListPackagesResponse())) ==
        Names{"VERSION", "ARCH", "SIZE", "UPLOADED", "CLUSTERS"});
  CHECK(head(ToTable(v1::ListClustersResponse())) ==
        Names{"CLUSTER", "VERSION", "STATE", "INSTANCES", "CREATED", "OPERATION", "LABELS"});
  CHECK(head(ToTable(v1::ListOperationsResponse())) ==
        Names{"OPERATION", "KIND", "CLUSTER", "STATE", "USER", "CREATED", "TOOK"});
  CHECK(head(ToTable(v1::WhoAmIResponse())) == Names{"USER", "ROLE", "SESSION ENDS"});
}

TEST_CASE("a list of clusters tells how many members work where that was asked", "[output]") {
  v1::ListClustersResponse response;
  response.add_clusters()->set_name("orders");
  CHECK(Cells(Lines(ToTable(response)).at(0)).back() == "LABELS");
  auto* health = response.mutable_clusters(0)->mutable_health();
  health->set_members(6);
  health->set_working_members(5);
  health->mutable_observe_time()->set_seconds(1'700'000'000);
  response.add_clusters()->mutable_health();
  response.mutable_clusters(1)->set_name("shop");
  response.add_clusters()->set_name("stopped");
  const auto lines = Lines(ToTable(response));
  CHECK(Cells(lines.at(0)).back() == "MEMBERS");
  CHECK(Cells(lines.at(1)).back() == "5/6");
  CHECK(Cells(lines.at(2)).back() == "-");
  CHECK(Cells(lines.at(3)).back() == "-");
}

TEST_CASE("the table of a status names what is wrong", "[output]") {
  const auto lines = Lines(ToTable(SampleStatus()));
  REQUIRE(lines.size() == 8);
  CHECK(lines[0] == "cluster demo  v7.5.1  up  not healthy");
  CHECK(Cells(lines[1]) == std::vector<std::string>{"INSTANCE", "COMPONENT", "HOST", "PORT",
                                                    "HEALTH", "STATE", "ROLE", "VERSION", "UPTIME",
                                                    "RESTARTS", "HOTFIX", "AT BOOT"});
  CHECK(Cells(lines[2]) == std::vector<std::string>{"dm-a", "dm-master", "10.0.0.1", "8261",
                                                    "healthy", "active/running", "leader", "v7.5.1",
                                                    "1h 1m", "0", "patched", "started"});
  CHECK(Cells(lines[3]) == std::vector<std::string>{"dm-b", "dm-worker", "10.0.0.2", "8262",
                                                    "unhealthy", "unreachable", "-", "-", "-", "-",
                                                    "normal", "-"});
  CHECK(lines[4] == "dm-b: no answer from 10.0.0.2");
  CHECK(lines[5] == "warning: DM lists dm-x");
  CHECK_THAT(lines[6], Catch::Contains("dmgrctl operation show op-1"));
  CHECK(lines[7] == "Grafana: http://10.0.0.1:3000");
  // Every row is cut at the same places.
  CHECK(lines[1].find("COMPONENT") == lines[2].find("dm-master"));
  CHECK(lines[1].find("HEALTH") == lines[3].find("unhealthy"));
}

TEST_CASE("a table of an operation shows steps, tries and the error", "[output]") {
  const auto response = Parse<v1::GetOperationResponse>(R"(
    operation { operation_id: "op-1" kind: OPERATION_KIND_START cluster_name: "demo"
      state: OPERATION_STATE_FAILED user_name: "admin"
      start_time { seconds: 100 } end_time { seconds: 165 } error { code: 9 message: "boom" }
      steps { step_id: "h1/start/dm-master" title: "start dm-a" state: STEP_STATE_FAILED
              attempts: 3 start_time { seconds: 100 } end_time { seconds: 165 } }
      steps { step_id: "record" title: "record the cluster as up" state: STEP_STATE_PENDING } })");
  const auto lines = Lines(ToTable(response));
  CHECK(Cells(lines[1]).back() == "1m 5s");
  CHECK(Cells(lines[3]) == std::vector<std::string>{"STEP", "STATE", "TRIES", "TOOK", "WHAT"});
  CHECK(Cells(lines[4]) ==
        std::vector<std::string>{"h1/start/dm-master", "failed", "3", "1m 5s", "start dm-a"});
  CHECK(Cells(lines[5]) ==
        std::vector<std::string>{"record", "pending", "0", "-", "record the cluster as up"});
  CHECK(lines.back() == "failed: boom");
}

TEST_CASE("sizes, spans and words", "[output]") {
  CHECK(Bytes(0) == "0 B");
  CHECK(Bytes(1023) == "1023 B");
  CHECK(Bytes(1536) == "1.5 KiB");
  CHECK(Bytes(23ULL << 20) == "23 MiB");
  CHECK(Bytes(3ULL << 40) == "3.0 TiB");
  CHECK(Span(0) == "0s");
  CHECK(Span(59) == "59s");
  CHECK(Span(310) == "5m 10s");
  CHECK(Span(86400 * 3 + 3600 * 4) == "3d 4h");
  CHECK(Word("CLUSTER_STATE_UP", "CLUSTER_STATE_") == "up");
  CHECK(Word("OPERATION_STATE_ROLLED_BACK", "OPERATION_STATE_") == "rolled back");
  CHECK(Word("ROLE_UNSPECIFIED", "ROLE_") == "-");
  CHECK(LocalTime({}).empty());
}

TEST_CASE("a difference shows what went, what came and what is around", "[output]") {
  CHECK(LineDiff("a\nb\n", "a\nb\n").empty());
  CHECK(LineDiff("", "a\n") == "+ a\n");
  CHECK(LineDiff("a\n", "") == "- a\n");
  CHECK(LineDiff("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n",
                 "1\n2\nx\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n") ==
        "  1\n  2\n- 3\n+ x\n  4\n  5\n  6\n...\n  10\n  11\n  12\n+ 13\n");
}

TEST_CASE("lines of several sources stand whole behind their names", "[output]") {
  std::ostringstream out;
  Prefixed one(&out, "h1 | ", false);
  Prefixed two(&out, "h2 | ", false);
  one.Take("a\nb");
  two.Take("c\n");
  one.Take("\xff\n\n");
  two.Take("no end");
  two.End();
  two.End();
  CHECK(out.str() == "h1 | a\nh2 | c\nh1 | b\xff\nh1 | \nh2 | no end\n");
}

TEST_CASE("a source without a name goes out as it comes", "[output]") {
  std::ostringstream out;
  Prefixed one(&out, "", false);
  one.Take(std::string("a\0b", 3));
  one.Take("\x1b[31m");
  one.End();
  CHECK(out.str() == std::string("a\0b", 3) + "\x1b[31m");
}

TEST_CASE(
    "no text of an answer acts on the terminal; a topology, which is sent back, stays as it is",
    "[output]") {
  v1::GetClusterStatusResponse status;
  status.set_cluster_name("a\x1b]52;c;eA==\x07");
  status.add_warnings("b\r\n\x9b");
  MakeHarmless(&status);
  CHECK(status.cluster_name() == "a?]52;c;eA==?");
  CHECK(status.warnings(0) == "b?\n?");
  v1::Cluster cluster;
  (*cluster.mutable_labels())["k"] = "\x1b[8m";
  cluster.mutable_topology()->mutable_global()->set_user("\x1b");
  MakeHarmless(&cluster);
  CHECK(cluster.labels().at("k") == "?[8m");
  CHECK(cluster.topology().global().user() == "\x1b");
  v1::NextAction action;
  action.set_action(v1::ACTION_GET_CLUSTER);
  (*action.mutable_arguments())["cluster_name"] = "x;$(id)\x1b[2K";
  CHECK(NextText("", {action}) == "next: dmgrctl cluster show $'x;$(id)\\033[2K'\n");
}

TEST_CASE("what a person looks at does nothing to the terminal", "[output]") {
  CHECK(Harmless("\x1b[31mred\x1b[0m\tx\r\n\x07\x7f") == "?[31mred?[0m\tx?\n??");
  // U+009B begins a sequence for some terminals; other letters stay.
  CHECK(Harmless("\xc2\x9b"
                 "31m \xc3\xa4 \xe2\x82\xac") == "??31m \xc3\xa4 \xe2\x82\xac");
  std::ostringstream out;
  Prefixed one(&out, "", true);
  one.Take("\x1b]0;title\x07");
  CHECK(out.str() == "?]0;title?");
}

TEST_CASE("a repair shows each difference beside the step that mends it", "[output]") {
  auto operation = Parse<v1::Operation>(R"(
    steps { step_id: "m2/repair/place" host: "m2" differences {
      kind: DIFFERENCE_KIND_FILE_CONTENT machine_id: "m2" instance_name: "dm-b" path: "/conf/x.toml"
      expected: "aa" found: "bb" repairable: true } }
    steps { step_id: "repaired" differences {
      kind: DIFFERENCE_KIND_MEMBER_STRANGER path: "10.0.0.9:8262" text: "DM has dm-x"
      next_actions { action: ACTION_PRUNE_CLUSTER arguments { key: "cluster_name" value: "demo" } } }
      differences { kind: DIFFERENCE_KIND_MEMBER_STRANGER text: "DM has dm-y"
      next_actions { action: ACTION_PRUNE_CLUSTER arguments { key: "cluster_name" value: "demo" } } } })");
  CHECK(DifferencesText(operation) ==
        "\n1 difference:\n"
        "PUT RIGHT BY     HOST  INSTANCE  PATH          EXPECTED  FOUND\n"
        "m2/repair/place  m2    dm-b      /conf/x.toml  aa        bb\n"
        "\n2 differences that no repair mends:\n"
        "HOST  INSTANCE  DIFFERENCE       WHAT\n"
        "-     -         member-stranger  DM has dm-x\n"
        "-     -         member-stranger  DM has dm-y\n"
        "next: dmgrctl cluster prune demo\n");
  operation.mutable_steps(0)->clear_differences();
  operation.mutable_steps(1)->clear_differences();
  CHECK(DifferencesText(operation).empty());
}

}  // namespace
}  // namespace dmgr::client

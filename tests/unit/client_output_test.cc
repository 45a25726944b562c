// What dmgrctl prints: tables, JSON, and the picture of an operation under way.
#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "client/output/format.h"
#include "client/progress/view.h"
#include "common/error.h"

namespace dmgr::client {
namespace {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

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
    instances { name: "dm-a" component: "dm-master" host: "10.0.0.1" port: 8261 healthy: true
                state: "active/running" leader: true stage: "alive" version: "v7.5.1" uptime: 3700 }
    instances { name: "dm-b" component: "dm-worker" host: "10.0.0.2" port: 8262
                state: "unreachable" reason: "no answer from 10.0.0.2" }
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
      "name",   "component", "host",   "port",     "healthy", "state", "leader",     "stage",
      "source", "version",   "uptime", "restarts", "reason",  "unit",  "deploy_dir", "data_dir"};
  REQUIRE(json["instances"].size() == 2);
  for (const auto& instance : json["instances"]) {
    CHECK(instance.size() == keys.size());
    for (const auto& key : keys) CHECK(instance.contains(key));
  }
  const auto& worker = json["instances"][1];
  CHECK(worker["healthy"] == false);
  CHECK(worker["leader"] == false);
  CHECK(worker["restarts"] == 0);
  CHECK(worker["uptime"].is_number_integer());
  CHECK(worker["source"] == "");
  CHECK(json["instances"][0]["uptime"] == 3700);
  CHECK(json["healthy"] == false);
  CHECK(json["cluster_name"] == "demo");
  CHECK(json["state"] == "CLUSTER_STATE_UP");
  CHECK(json["warnings"].size() == 1);
  // An empty answer has its lists, too.
  const auto empty = nlohmann::json::parse(ToJson(v1::ListClustersResponse()));
  CHECK(empty["clusters"].is_array());
  CHECK(empty["next_page_token"] == "");
}

TEST_CASE("columns of the tables are stable", "[output]") {
  const auto head = [](const std::string& table) { return Cells(Lines(table).at(0)); };
  using Names = std::vector<std::string>;
  CHECK(head(ToTable(v1::ListMachinesResponse())) ==
        Names{"MACHINE", "ADDRESS", "USER", "ROOT BY", "OS", "ARCH", "CORES", "MEMORY"});
  CHECK(head(ToTable(v1::CheckMachineResponse())) == Names{"CHECK", "RESULT", "WHAT WAS SEEN"});
  CHECK(head(ToTable(v1::ListPackagesResponse())) ==
        Names{"VERSION", "ARCH", "SIZE", "UPLOADED", "CLUSTERS"});
  CHECK(head(ToTable(v1::ListClustersResponse())) ==
        Names{"CLUSTER", "VERSION", "STATE", "INSTANCES", "CREATED", "OPERATION"});
  CHECK(head(ToTable(v1::ListOperationsResponse())) ==
        Names{"OPERATION", "KIND", "CLUSTER", "STATE", "USER", "CREATED", "TOOK"});
  CHECK(head(ToTable(v1::WhoAmIResponse())) == Names{"USER", "ROLE", "SESSION ENDS"});
}

TEST_CASE("the table of a status names what is wrong", "[output]") {
  const auto lines = Lines(ToTable(SampleStatus()));
  REQUIRE(lines.size() == 8);
  CHECK(lines[0] == "cluster demo  v7.5.1  up  not healthy");
  CHECK(Cells(lines[1]) == std::vector<std::string>{"INSTANCE", "COMPONENT", "HOST", "PORT",
                                                    "HEALTH", "STATE", "ROLE", "VERSION", "UPTIME",
                                                    "RESTARTS"});
  CHECK(Cells(lines[2]) == std::vector<std::string>{"dm-a", "dm-master", "10.0.0.1", "8261",
                                                    "healthy", "active/running", "leader", "v7.5.1",
                                                    "1h 1m", "0"});
  CHECK(Cells(lines[3]) == std::vector<std::string>{"dm-b", "dm-worker", "10.0.0.2", "8262",
                                                    "unhealthy", "unreachable", "-", "-", "0s",
                                                    "0"});
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

// ---- The view ----

class FakeTerminal final : public Terminal {
 public:
  explicit FakeTerminal(bool is_live) : Terminal(&out_, &err_, is_live) {}
  int Width() const override { return 80; }
  absl::StatusOr<std::string> AskSecret(const std::string&) override { return std::string(); }
  absl::StatusOr<bool> Confirm(const std::string&) override { return true; }
  std::string Out() const { return out_.str(); }
  std::string Err() const { return err_.str(); }

 private:
  std::ostringstream out_;
  std::ostringstream err_;
};

// What a terminal of 80 columns shows after the text; fails when a line that is to be redrawn has
// wrapped, since "up N lines" is then too few.
std::vector<std::string> Screen(const std::string& text) {
  std::vector<std::string> lines = {""};
  std::size_t row = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      if (++row == lines.size()) lines.emplace_back();
    } else if (text[i] == '\x1b') {
      const std::size_t end = text.find_first_of("FJK", i);
      REQUIRE(end != std::string::npos);
      const std::string number = text.substr(i + 2, end - i - 2);
      const std::size_t count = number.empty() ? 0 : std::stoul(number);
      if (text[end] == 'F') {
        REQUIRE(count <= row);
        for (std::size_t n = 0; n < count; ++n) REQUIRE(lines[--row].size() < 80);
      } else if (text[end] == 'J') {
        lines.resize(row + 1);
        lines[row].clear();
      }
      i = end;
    } else {
      lines[row] += text[i];
    }
  }
  return lines;
}

v1::Operation SampleOperation(int hosts) {
  auto operation = Parse<v1::Operation>(R"(
    operation_id: "op-1" kind: OPERATION_KIND_DEPLOY cluster_name: "demo"
    state: OPERATION_STATE_QUEUED
    steps { step_id: "workspace" title: "unpack the package for the cluster"
            state: STEP_STATE_PENDING })");
  for (int i = 1; i <= hosts; ++i) {
    auto* step = operation.add_steps();
    step->set_step_id("198.18.0." + std::to_string(i) + "/release/dm-master");
    step->set_title("send dm-master v7.5.1 with a title that goes on for longer than the screen");
    step->set_host("198.18.0." + std::to_string(i));
    step->set_state(v1::STEP_STATE_PENDING);
    step->set_bytes_total(100 << 20);
  }
  return operation;
}

class Events {
 public:
  explicit Events(View* view) : view_(view) {}
  void State(v1::OperationState state) {
    v1::OperationEvent event;
    event.mutable_operation_state()->set_state(state);
    Send(event);
  }
  void Step(const std::string& id, v1::StepState state, const std::string& error = "") {
    v1::OperationEvent event;
    event.mutable_step_state()->set_step_id(id);
    event.mutable_step_state()->set_state(state);
    event.mutable_step_state()->set_attempt(1);
    event.mutable_step_state()->mutable_error()->set_message(error);
    Send(event);
  }
  void Progress(const std::string& id, std::uint64_t done) {
    v1::OperationEvent event;
    event.mutable_step_progress()->set_step_id(id);
    event.mutable_step_progress()->set_bytes_done(done);
    event.mutable_step_progress()->set_bytes_total(100 << 20);
    Send(event);
  }
  void Log(const std::string& id, const std::string& text) {
    v1::OperationEvent event;
    event.mutable_log()->set_level(v1::LogLine::LEVEL_WARNING);
    event.mutable_log()->set_step_id(id);
    event.mutable_log()->set_text(text);
    Send(event);
  }

 private:
  void Send(v1::OperationEvent& event) {
    event.set_sequence(++sequence_);
    event.mutable_time()->set_seconds(1000 + static_cast<std::int64_t>(sequence_));
    view_->Apply(event);
  }
  View* view_;
  std::uint64_t sequence_ = 0;
};

TEST_CASE("the plain view is one line for what ends", "[view]") {
  FakeTerminal terminal(false);
  View view(&terminal);
  view.Begin(SampleOperation(1));
  Events events(&view);
  const std::string step = "198.18.0.1/release/dm-master";
  events.State(v1::OPERATION_STATE_RUNNING);
  events.Step("workspace", v1::STEP_STATE_RUNNING);
  events.Step("workspace", v1::STEP_STATE_SUCCEEDED);
  events.Step(step, v1::STEP_STATE_RUNNING);
  events.Progress(step, 50 << 20);
  events.Log(step, "slow disk");
  events.Step(step, v1::STEP_STATE_FAILED, "no space on 198.18.0.1");
  events.State(v1::OPERATION_STATE_FAILED);
  view.End();
  const auto lines = Lines(terminal.Out());
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "operation op-1: deploy demo");
  CHECK_THAT(lines[1], Catch::Contains("unpack the package for the cluster: done (1.0 s)"));
  CHECK_THAT(lines[2], Catch::StartsWith("198.18.0.1") && Catch::Contains("warning: slow disk"));
  CHECK_THAT(lines[3], Catch::Contains("FAILED: no space on 198.18.0.1"));
  CHECK_THAT(lines[4], Catch::StartsWith("operation op-1: failed after 7.0 s"));
  CHECK(terminal.Out().find('\x1b') == std::string::npos);
  CHECK(terminal.Err().empty());
  CHECK(view.operation().state() == v1::OPERATION_STATE_FAILED);
}

TEST_CASE("the live view fits 80 columns and redraws in place", "[view]") {
  FakeTerminal terminal(true);
  View view(&terminal);
  view.Begin(SampleOperation(20));
  Events events(&view);
  events.State(v1::OPERATION_STATE_RUNNING);
  for (int i = 1; i <= 20; ++i) {
    const std::string step = "198.18.0." + std::to_string(i) + "/release/dm-master";
    events.Step(step, v1::STEP_STATE_RUNNING);
    events.Progress(step, 50 << 20);
  }
  auto screen = Screen(terminal.Err());
  CHECK(screen.at(0) == "operation op-1: deploy demo");
  CHECK_THAT(screen.at(1), Catch::StartsWith("[") && Catch::Contains("running"));
  CHECK_THAT(screen.at(2), Catch::StartsWith("  198.18.0.1"));
  // A line for each host at work, and not more than a screen.
  CHECK(screen.size() <= 24);
  CHECK(screen.at(screen.size() - 2) == "  ...");
  for (int i = 1; i <= 20; ++i) {
    events.Step("198.18.0." + std::to_string(i) + "/release/dm-master", v1::STEP_STATE_SUCCEEDED);
  }
  events.Step("workspace", v1::STEP_STATE_SUCCEEDED);
  CHECK_THAT(Screen(terminal.Err()).at(22), Catch::Contains("100 %"));
  events.State(v1::OPERATION_STATE_SUCCEEDED);
  view.End();
  screen = Screen(terminal.Err());
  // What has ended stays above; of the block nothing is left.
  REQUIRE(screen.size() == 24);
  CHECK_THAT(screen.at(22), Catch::StartsWith("operation op-1: succeeded"));
  CHECK(screen.at(23).empty());
  CHECK(terminal.Out().empty());
}

TEST_CASE("progress of bytes is shown where bytes move", "[view]") {
  FakeTerminal terminal(true);
  View view(&terminal);
  auto operation = SampleOperation(1);
  operation.mutable_steps(1)->set_title("send dm-master");
  view.Begin(operation);
  Events events(&view);
  const std::string step = "198.18.0.1/release/dm-master";
  events.Step(step, v1::STEP_STATE_RUNNING);
  events.Progress(step, 30 << 20);
  const auto screen = Screen(terminal.Err());
  CHECK_THAT(screen.at(2), Catch::Contains("30 MiB of 100 MiB"));
  // A third of one of two steps.
  CHECK_THAT(screen.at(1), Catch::Contains("15 %"));
}

TEST_CASE("a reconnect does not print the head again", "[view]") {
  FakeTerminal terminal(false);
  View view(&terminal);
  view.Begin(SampleOperation(1));
  view.Begin(SampleOperation(1));
  CHECK(Lines(terminal.Out()).size() == 1);
}

}  // namespace
}  // namespace dmgr::client

// The picture of an operation under way.
#include "client/progress/view.h"

#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

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
  // As dmgrd counts it after the next event.
  double percent = 0;
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
    event.set_progress_percent(percent);
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
  events.Step(step, v1::STEP_STATE_FAILED, "no space on 198.18.0.1\nlast lines:\nmore");
  events.State(v1::OPERATION_STATE_FAILED);
  view.End();
  const auto lines = Lines(terminal.Out());
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "operation op-1: deploy demo");
  CHECK_THAT(lines[1], Catch::Contains("unpack the package for the cluster: done (1.0 s)"));
  CHECK_THAT(lines[2], Catch::StartsWith("198.18.0.1") && Catch::Contains("warning: slow disk"));
  CHECK_THAT(lines[3], Catch::EndsWith("FAILED: no space on 198.18.0.1"));
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
    events.percent = 47.6;
    events.Progress(step, 50 << 20);
  }
  auto screen = Screen(terminal.Err());
  CHECK(screen.at(0) == "operation op-1: deploy demo");
  CHECK_THAT(screen.at(1),
             Catch::StartsWith("[#####.......]  48 %  0/21 steps  1000 MiB of 2.0 GiB"));
  CHECK_THAT(screen.at(2), Catch::StartsWith("  198.18.0.1"));
  // A line for each host at work, and not more than a screen.
  CHECK(screen.size() <= 24);
  CHECK(screen.at(screen.size() - 2) == "  ... and 9 more hosts");
  for (int i = 1; i <= 20; ++i) {
    events.Step("198.18.0." + std::to_string(i) + "/release/dm-master", v1::STEP_STATE_SUCCEEDED);
  }
  events.percent = 100;
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
  events.percent = 15;
  events.Progress(step, 30 << 20);
  const auto screen = Screen(terminal.Err());
  CHECK_THAT(screen.at(2), Catch::Contains("30 MiB of 100 MiB"));
  INFO("the share is dmgrd's own figure");
  CHECK_THAT(screen.at(1), Catch::Contains("15 %"));
}

TEST_CASE("the summary has rate and time to go", "[view]") {
  FakeTerminal terminal(true);
  View view(&terminal);
  view.Begin(SampleOperation(2));
  Events events(&view);
  events.State(v1::OPERATION_STATE_RUNNING);
  const std::string step = "198.18.0.1/release/dm-master";
  events.Step("198.18.0.2/release/dm-master", v1::STEP_STATE_RUNNING);
  events.Step(step, v1::STEP_STATE_RUNNING);
  events.percent = 13.4;
  // Events are a second apart.
  for (int i = 1; i <= 4; ++i) events.Progress(step, static_cast<std::uint64_t>(i) * (10 << 20));
  auto screen = Screen(terminal.Err());
  CHECK(screen.at(1) == "[#...........]  13 %  0/3 steps  40 MiB of 200 MiB  10 MiB/s  16s left");
  INFO("the title makes room for what changes");
  CHECK(screen.at(2) ==
        "  198.18.0.1    0/1  send dm-master v7.5.1 with a title t...  40 MiB of 100 MiB");
  INFO("what was there already was not moved");
  events.Step("198.18.0.2/release/dm-master", v1::STEP_STATE_SUCCEEDED);
  screen = Screen(terminal.Err());
  CHECK_THAT(screen.at(2), Catch::Contains("140 MiB of 200 MiB  10 MiB/s  6s left"));
}

TEST_CASE("several steps of a host are one line", "[view]") {
  FakeTerminal terminal(true);
  View view(&terminal);
  auto operation = SampleOperation(1);
  auto* more = operation.add_steps();
  *more = operation.steps(1);
  more->set_step_id("more");
  view.Begin(operation);
  Events events(&view);
  events.Step("198.18.0.1/release/dm-master", v1::STEP_STATE_RUNNING);
  events.Step("more", v1::STEP_STATE_RUNNING);
  const auto screen = Screen(terminal.Err());
  REQUIRE(screen.size() == 4);
  CHECK_THAT(screen.at(2),
             Catch::StartsWith("  198.18.0.1    0/2  send") && Catch::EndsWith("(+1 more)"));
}

TEST_CASE("a narrower terminal: what it broke is taken away, the new picture fits", "[view]") {
  FakeTerminal terminal(true);
  View view(&terminal);
  view.Begin(SampleOperation(3));
  Events events(&view);
  for (int i = 1; i <= 3; ++i) {
    events.Step("198.18.0." + std::to_string(i) + "/release/dm-master", v1::STEP_STATE_RUNNING);
  }
  view.Tick();
  const std::size_t before = terminal.Err().size();
  terminal.width = 40;
  view.Tick();
  std::string frame = terminal.Err().substr(before);
  // A summary of 37 columns, three lines of 79 in two rows each.
  CHECK_THAT(frame, Catch::StartsWith("\x1b[7F\x1b[J"));
  frame.erase(0, frame.find('J') + 1);
  REQUIRE(Lines(frame).size() == 4);
  for (const auto& line : Lines(frame)) CHECK(line.size() < 40);
  INFO("nothing more is to be drawn");
  const std::size_t after = terminal.Err().size();
  view.Tick();
  CHECK(terminal.Err().size() == after);
}

TEST_CASE("a live view is not drawn more often than it may be", "[view]") {
  FakeTerminal terminal(true);
  View view(&terminal, absl::Hours(1));
  view.Begin(SampleOperation(1));
  Events events(&view);
  const std::string step = "198.18.0.1/release/dm-master";
  events.Step(step, v1::STEP_STATE_RUNNING);
  const std::size_t before = terminal.Err().size();
  for (std::uint64_t i = 1; i <= 100; ++i) events.Progress(step, i << 20);
  CHECK(terminal.Err().size() == before);
}

TEST_CASE("a line that stays is cut only where nothing is lost", "[view]") {
  FakeTerminal terminal(true);
  View view(&terminal);
  view.Begin(SampleOperation(1));
  Events events(&view);
  const std::string step = "198.18.0.1/release/dm-master";
  events.Step(step, v1::STEP_STATE_RUNNING);
  const std::string reason(100, 'x');
  events.Step(step, v1::STEP_STATE_FAILED, reason);
  CHECK_THAT(terminal.Err(), Catch::Contains("longer than the screen: FAILED: " + reason));
  events.Step(step, v1::STEP_STATE_RUNNING);
  events.Step(step, v1::STEP_STATE_SUCCEEDED);
  CHECK_THAT(terminal.Err(), Catch::Contains("...: done (1.0 s)\n"));
}

TEST_CASE("text is cut by characters, not by bytes", "[view]") {
  CHECK(Cut("abcdef", 6) == "abcdef");
  CHECK(Cut("abcdefg", 6) == "abc...");
  CHECK(Cut("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4) == "\xc3\xa9...");
  CHECK(Cut("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4) == "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
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

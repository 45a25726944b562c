// What dmgrd says can be done next is worded as commands that dmgrctl knows.
#include "client/output/next_actions.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "client/app.h"
#include "common/error.h"
#include "dmgr/v1/next_action.pb.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

// A folder with what the placeholders of commands name.
class DeskOfActions {
 public:
  DeskOfActions() : before_(fs::current_path()) {
    fs::current_path(dir_.path());
    fs::create_directory("DIR");
    std::ofstream("FILE") << "\n";
  }
  ~DeskOfActions() { fs::current_path(before_); }

 private:
  const fs::path before_;
  const test::TempDir dir_;
};

// The words that a shell makes of a command line; the first is dmgrctl.
std::vector<std::string> WordsOf(const std::string& command) {
  FILE* pipe = popen(("printf '%s\\0' " + command).c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::vector<std::string> words(1);
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) {
    if (c != '\0') {
      words.back() += static_cast<char>(c);
    } else {
      words.emplace_back();
    }
  }
  REQUIRE(pclose(pipe) == 0);
  words.pop_back();
  return words;
}

void CheckActionParses(const std::string& command) {
  INFO(command);
  const auto words = WordsOf(command);
  REQUIRE_FALSE(words.empty());
  CHECK(words.front() == "dmgrctl");
  Application application;
  CHECK(application.Parse({words.begin() + 1, words.end()}) == absl::OkStatus());
}

std::vector<v1::Action> AllActions() {
  std::vector<v1::Action> actions;
  const auto* values = v1::Action_descriptor();
  for (int i = 0; i < values->value_count(); ++i) {
    if (values->value(i)->number() == v1::ACTION_UNSPECIFIED) continue;
    actions.push_back(static_cast<v1::Action>(values->value(i)->number()));
  }
  return actions;
}

TEST_CASE("every action is worded as a command that dmgrctl takes", "[next]") {
  const DeskOfActions desk;
  CHECK(AllActions().size() > 20);
  for (const v1::Action action : AllActions()) {
    INFO(v1::Action_Name(action));
    CheckActionParses(CommandOf(MakeNextAction(action)));
  }
}

TEST_CASE("whatever an argument is, a shell and dmgrctl take it as one word", "[next]") {
  const DeskOfActions desk;
  const std::string nasty = "it's; $(touch x) `id` \"a\" * \\ |&>b";
  const auto with_all = [&](v1::Action action) {
    return MakeNextAction(action, {{"cluster_name", nasty},
                                   {"operation_id", nasty},
                                   {"machine_id", nasty},
                                   {"version", nasty},
                                   {"patch_id", nasty},
                                   {"user_name", nasty},
                                   {"role", "ROLE_ADMIN"},
                                   {"selection.nodes", "10.0.0.1:8262"},
                                   {"host_key_fingerprint", nasty},
                                   {"credential", ""},
                                   {"far_end_dir", nasty}});
  };
  for (const v1::Action action : AllActions()) {
    INFO(v1::Action_Name(action));
    CheckActionParses(CommandOf(with_all(action)));
  }
  CHECK_FALSE(fs::exists("x"));
  CHECK(WordsOf(CommandOf(with_all(v1::ACTION_START_CLUSTER))) ==
        std::vector<std::string>{"dmgrctl", "cluster", "start", nasty, "--node", "10.0.0.1:8262"});
}

TEST_CASE("a command has the arguments that are known, and placeholders for the rest", "[next]") {
  const std::string host_key = "SHA256:abc+/def";
  CHECK(CommandOf(MakeNextAction(v1::ACTION_RESUME_OPERATION, {{"operation_id", "7-a"}})) ==
        "dmgrctl operation resume 7-a");
  CHECK(CommandOf(MakeNextAction(v1::ACTION_SCALE_IN_CLUSTER,
                                 {{"cluster_name", "demo"}, {"selection.nodes", "h:8262"}})) ==
        "dmgrctl cluster scale-in demo --node h:8262");
  CHECK(CommandOf(MakeNextAction(v1::ACTION_CREATE_USER, {{"role", "admin"}})) ==
        "dmgrctl user create NAME --role admin");
  CHECK(CommandOf(MakeNextAction(v1::ACTION_REPLACE_MACHINE,
                                 {{"machine_id", "m"}, {"host_key_fingerprint", host_key}})) ==
        "dmgrctl machine replace m --host-key " + host_key);
  CHECK(CommandOf(MakeNextAction(v1::ACTION_UPDATE_MACHINE, {{"credential", ""}})) ==
        "dmgrctl machine update MACHINE --key FILE");
  const std::string stop =
      CommandOf(MakeNextAction(v1::ACTION_STOP_CLUSTER, {{"cluster_name", "demo"},
                                                         {"selection.components", "dm-worker"},
                                                         {"skip_unreachable", "true"}}));
  CHECK(stop == "dmgrctl cluster stop demo --role dm-worker --skip-unreachable");
  CheckActionParses(stop);
  for (const v1::Action action :
       {v1::ACTION_ENABLE_CLUSTER, v1::ACTION_DISABLE_CLUSTER, v1::ACTION_ROTATE_CLUSTER_KEY}) {
    const std::string skipping =
        CommandOf(MakeNextAction(action, {{"cluster_name", "demo"}, {"skip_unreachable", "true"}}));
    CHECK_THAT(skipping, Catch::EndsWith(" demo --skip-unreachable"));
    CheckActionParses(skipping);
  }
  CHECK(CommandOf(MakeNextAction(v1::ACTION_RESTORE_CLUSTER,
                                 {{"cluster_name", "demo"}, {"force", "true"}})) ==
        "dmgrctl cluster restore demo FILE --force");
  CHECK(CommandOf(MakeNextAction(v1::ACTION_DESTROY_CLUSTER,
                                 {{"cluster_name", "demo"}, {"force", "true"}})) ==
        "dmgrctl cluster destroy demo --force");
  CHECK(CommandOf(MakeNextAction(v1::ACTION_START_CLUSTER, {{"cluster_name", ""}})) ==
        "dmgrctl cluster start NAME");
}

TEST_CASE("a command is one line, whatever a server sends", "[next]") {
  CHECK(CommandOf(MakeNextAction(v1::ACTION_GET_CLUSTER,
                                 {{"cluster_name", "a\n  or: dmgrctl 'b' \\c\x1b\x7f"}})) ==
        R"(dmgrctl cluster show $'a\012  or: dmgrctl \'b\' \\c\033\177')");
  CHECK(ShellQuoted("it's \\n") == R"('it'\''s \n')");
}

TEST_CASE("an error says in words and in commands what to do next", "[next]") {
  FakeTerminal terminal(false);
  PrintError(&terminal, Error(absl::StatusCode::kFailedPrecondition, "X", "it failed")
                            .Remedy("mend it, then go on or go back")
                            .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", "a"}})
                            .Next(v1::ACTION_ROLLBACK_OPERATION, {{"operation_id", "a"}}));
  CHECK(terminal.Err() ==
        "error: it failed\n"
        "next: mend it, then go on or go back: dmgrctl operation resume a\n"
        "  or: dmgrctl operation rollback a\n");
  CHECK(NextText("", {MakeNextAction(v1::ACTION_LIST_MACHINES)}) == "next: dmgrctl machine list\n");
  CHECK(NextText("wait", {}) == "next: wait\n");
  CHECK(NextText("", {}).empty());
  v1::NextAction newer;
  newer.set_action(static_cast<v1::Action>(999));
  CHECK(NextText("do it", {newer}) == "next: do it\n");
}

}  // namespace
}  // namespace dmgr::client

// The examples of proto/examples, as somebody runs them who has only proto/ and what they need.
#include <map>
#include <string>
#include <vector>

#include "tests/rpc/fixture.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

// One that begins an operation, watches it and waits for its end.
struct ClientExample {
  std::vector<std::string> program;
  std::map<std::string, std::string> env{};

  Command Operate(const std::string& cluster, const std::string& action,
                  const std::string& password = TestDaemon::kPassword) const {
    Command command{.args = program, .env = env, .input = password + "\n"};
    for (const std::string& word :
         {Daemon().address(), std::string(TestDaemon::kAdmin), cluster, action}) {
      command.args.push_back(word);
    }
    return command;
  }
};

// What a script makes of proto/ in a folder of its own.
fs::path MadeBy(const std::string& script, const test::TempDir& folder) {
  const Result made = Run({.args = {DMGR_SOURCE_DIR "/proto/examples/" + script, folder.path()}});
  INFO(made.out << made.err);
  REQUIRE(made.exit_code == 0);
  return folder.path();
}

const ClientExample& PythonExample() {
  static const test::TempDir folder;
  static const ClientExample example = {
      {"/usr/bin/python3", "-Bu", DMGR_SOURCE_DIR "/proto/examples/python/operate.py"},
      {{"PYTHONPATH", MadeBy("python/generate.sh", folder)}}};
  return example;
}

void CheckItOperates(const ClientExample& example, const std::string& cluster) {
  AddCluster(cluster);
  const Result result = Run(example.Operate(cluster, "destroy"), std::chrono::minutes(2));
  INFO(result.out << result.err);
  REQUIRE(result.exit_code == 0);
  for (const char* line : {"operation ", "forget the cluster: running\n",
                           "forget the cluster: succeeded\n", "100 %  succeeded\nsucceeded\n"}) {
    CHECK_THAT(result.out, Catch::Contains(line));
  }
}

void CheckItTellsReasons(const ClientExample& example) {
  const Result missing = Run(example.Operate("nowhere", "start"), std::chrono::minutes(2));
  INFO(missing.out << missing.err);
  CHECK(missing.exit_code == 3);
  CHECK_THAT(missing.err, Catch::Contains("(CLUSTER_NOT_FOUND)"));
  CHECK_THAT(missing.err, Catch::Contains("next: ACTION_LIST_CLUSTERS"));
  const Result refused =
      Run(example.Operate("nowhere", "start", "not-the-password"), std::chrono::minutes(2));
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err, Catch::Contains("(LOGIN_REFUSED)"));
}

void CheckItWaits(const ClientExample& example, const std::string& cluster) {
  SilentHost host;
  AddCluster(cluster, host);
  const std::string id = BeginStop(cluster).operation_id();
  const test::TempDir folder;
  const fs::path output = fs::path(folder.path()) / "output";
  Child child(example.Operate(cluster, "restart"), output);
  const bool waits = Eventually(
      [&] { return Contents(output).find("waiting for operation " + id) != std::string::npos; });
  host.Close();
  INFO(Contents(output));
  REQUIRE(waits);
  const int code = child.Wait(std::chrono::minutes(1));
  INFO(Contents(output));
  CHECK(code == 3);
  CHECK_THAT(Contents(output), Catch::Contains("(CLUSTER_BUSY)"));
  CHECK_THAT(Contents(output), Catch::Contains("next: ACTION_RESUME_OPERATION"));
}

TEST_CASE("the example in Python begins an operation, watches it and waits for its end",
          "[rpc][proto_examples]") {
  CheckItOperates(PythonExample(), "for-python");
}

TEST_CASE("the example in Python tells what went wrong by its reason", "[rpc][proto_examples]") {
  CheckItTellsReasons(PythonExample());
}

TEST_CASE("the example in Python waits for what holds the cluster, unless that waits for a person",
          "[rpc][proto_examples]") {
  CheckItWaits(PythonExample(), "held-for-python");
}

// Go and the modules are no packages of what is installed for the tests.
TEST_CASE("the example in Go does the same", "[.][go_example]") {
  const test::TempDir folder;
  const ClientExample example = {{MadeBy("go/build.sh", folder) / "operate"}};
  CheckItOperates(example, "for-go");
  CheckItTellsReasons(example);
  CheckItWaits(example, "held-for-go");
}

}  // namespace
}  // namespace dmgr::testing

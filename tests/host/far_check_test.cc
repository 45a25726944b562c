// Programs of a release that look at files.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

constexpr char kStore[] = "/opt/.dmgr/releases";
const std::string kHash(64, 'c');

hv1::ToHost Request() {
  hv1::ToHost request;
  auto* check = request.mutable_check_file();
  check->set_store_dir(kStore);
  check->set_hash(kHash);
  check->set_program("bin/promtool");
  check->add_arguments("check");
  check->add_arguments("a b; touch $ROOT/pwned");
  check->set_path("/dm/conf/prometheus.yml");
  check->set_user("tidb");
  return request;
}

// A release whose promtool is this script.
void AddTool(const TempRoot& root, const std::string& script) {
  const std::string dir = std::string("opt/.dmgr/releases/") + kHash;
  root.Write(dir + "/bin/promtool", "#!/bin/bash\n" + script, 0755);
  root.Write(dir + "/.complete", "");
  // Its user has to get here.
  std::filesystem::permissions(root.path(), std::filesystem::perms(0755));
}

TEST_CASE("a file is checked by the release's program, as the user") {
  TempRoot root;
  AddTool(root, R"([[ $1 == check && $2 == "a b; touch \$ROOT/pwned" && $(id -u) != 0 ]] &&
                   [[ $3 == */dm/conf/prometheus.yml && $(cat "$3") == fine ]])");
  root.Write("dm/conf/prometheus.yml", "fine");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const auto reply = far.Call(Request());
  INFO(reply.failure().text());
  CHECK(reply.has_done());
}

TEST_CASE("what the program says of a bad file is passed on") {
  TempRoot root;
  AddTool(root, "echo 'Checking it'; echo; echo '  FAILED: line 3' >&2; exit 1");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const auto failure = far.Call(Request()).failure();
  CHECK(failure.kind() == hv1::Failure::KIND_PROGRAM);
  CHECK(failure.text() == "promtool refuses /dm/conf/prometheus.yml: line 3");
  CHECK(failure.exit_status() == 1);
  CHECK(failure.output() == "Checking it\n\n\n  FAILED: line 3\n");
}

TEST_CASE("what is wrong with several files has a line each, once") {
  TempRoot root;
  AddTool(root, R"(cat <<END
Checking /dm/conf/prometheus.yml
  SUCCESS: 2 rule files found
Checking /dm/conf/._dm_worker.rules.yml
  FAILED:
/dm/conf/._dm_worker.rules.yml: yaml: control characters are not allowed
/dm/conf/._dm_worker.rules.yml: yaml: control characters are not allowed
Checking /dm/conf/dm_worker.rules.yml
  FAILED: 3:4: group "a", rule 1: could not parse expression
END
exit 1)");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  CHECK(far.Call(Request()).failure().text() ==
        "promtool refuses /dm/conf/prometheus.yml: /dm/conf/._dm_worker.rules.yml: yaml: control "
        "characters are not allowed\n  3:4: group \"a\", rule 1: could not parse expression");
  // A program that says nothing wrong is believed in all it says.
  AddTool(root, "echo Checking it; exit 1");
  CHECK(far.Call(Request()).failure().text() ==
        "promtool refuses /dm/conf/prometheus.yml: Checking it");
}

TEST_CASE("only complete releases, users and plain paths are taken") {
  TempRoot root;
  AddTool(root, "exit 0");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  auto request = Request();
  auto* check = request.mutable_check_file();
  SECTION("another release") { check->set_hash(std::string(64, 'd')); }
  SECTION("no hash") { check->set_hash("../x"); }
  SECTION("a way out") { check->set_program("../../../../usr/bin/true"); }
  SECTION("an unknown user") { check->set_user("nobody-here"); }
  CHECK(far.Call(request).has_failure());
}

TEST_CASE("files are read whole, and what is none is left out") {
  TempRoot root;
  root.Write("dm/conf/a.toml", "a = 1\n");
  std::filesystem::permissions(root / "dm/conf/a.toml", std::filesystem::perms(0640));
  root.Write("dm/conf/empty", "");
  std::filesystem::create_symlink("a.toml", root / "dm/conf/link");
  FarProcess far(root);
  REQUIRE(far.TakeHello() == "DMGR-HOST/1\n");
  // One that reads only may do it.
  hv1::ToHost begin;
  begin.mutable_begin()->set_mode(hv1::Begin::MODE_READ);
  REQUIRE(far.Call(begin).has_begin());
  hv1::ToHost request;
  for (const char* path : {"/dm/conf/a.toml", "/dm/conf/absent", "/dm/conf", "/dm/conf/link",
                           "/dm/conf/empty", "/no/such/dir/file"}) {
    request.mutable_read_files()->add_paths(path);
  }
  const auto reply = far.Call(request);
  INFO(reply.failure().text());
  const auto& files = reply.read_files().files();
  REQUIRE(files.size() == 2);
  CHECK(files[0].path() == "/dm/conf/a.toml");
  CHECK(files[0].content() == "a = 1\n");
  CHECK(files[0].mode() == 0640);
  CHECK(files[1].path() == "/dm/conf/empty");
  CHECK(files[1].content().empty());

  hv1::ToHost relative;
  relative.mutable_read_files()->add_paths("conf/a.toml");
  CHECK(far.Call(relative).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
}

}  // namespace
}  // namespace dmgr::test

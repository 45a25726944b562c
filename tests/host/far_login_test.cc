// A far end without root: all that is dmgr's lies in the login's home.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

constexpr char kCluster[] = "11111111-1111-4111-8111-111111111111";
constexpr char kUnitOfLogin[] = "dm-master-8261.service";
constexpr char kHome[] = "/home/login";

// A host on which the test's own user is somebody without root; systemctl writes down how it is
// called.
class LoginHost {
 public:
  LoginHost() {
    fs::create_directories(root_ / "run/systemd/system");
    fs::create_directories(root_ / ("run/user/" + std::to_string(geteuid()) + "/systemd"));
    fs::create_directories(root_ / "home/login");
    // The first of the number counts.
    const std::string ids = std::to_string(geteuid()) + ":" + std::to_string(getegid());
    root_.Write("etc/passwd", "login:x:" + ids + "::/home/login:/bin/bash\n" +
                                  "other:x:4202:4202::/home/other:/bin/bash\n");
    root_.Write("etc/group", "login:x:" + std::to_string(getegid()) + ":\n");
    root_.AddProgram("systemctl", R"(
echo "$* in $XDG_RUNTIME_DIR" >> $ROOT/calls
[ "$2" = show ] || exit 0
for unit in "$@"; do
  case $unit in *.service) printf 'LoadState=loaded\nActiveState=inactive\n\n';; esac
done
)");
  }

  const TempRoot& root() const { return root_; }
  std::string Calls() const { return root_.Exists("calls") ? root_.Read("calls") : ""; }
  // But for the fence and what the stand-in writes.
  std::vector<std::string> Tree() const {
    std::vector<std::string> paths;
    for (const auto& entry : fs::recursive_directory_iterator(root_.path())) {
      const std::string path = entry.path().string().substr(root_.path().size());
      const bool is_fence =
          path == "/home/login/.dmgr" || path.starts_with("/home/login/.dmgr/fence");
      if (!is_fence && path != "/calls") paths.push_back(path);
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

 private:
  TempRoot root_;
};

hv1::ToHost InstallOfLogin() {
  hv1::ToHost request;
  auto* unit = request.mutable_install_units()->add_units();
  unit->set_name(kUnitOfLogin);
  unit->set_content("[Unit]\n");
  unit->set_enabled(true);
  return request;
}

hv1::ToHost MakeDirs() {
  hv1::ToHost request;
  for (const char* path :
       {"/home/login/deploy/dm-master-8261", "/home/login/deploy/dm-master-8261/bin"}) {
    auto* dir = request.mutable_make_dirs()->add_dirs();
    dir->set_path(path);
    dir->set_mode(0755);
    dir->set_owner("login");
  }
  return request;
}

TEST_CASE("without root units and records lie in the login's home", "[login]") {
  LoginHost host;
  const auto before = host.Tree();
  FarProcess far(host.root(), DMGR_FAR_PROGRAM, kHome);
  far.Begin(kCluster, 1, 1, {kUnitOfLogin});
  hv1::ToHost account;
  account.mutable_ensure_account()->set_user("login");
  REQUIRE(far.Call(account).has_ensure_account());
  REQUIRE(far.Call(MakeDirs()).has_done());
  REQUIRE(far.Call(InstallOfLogin()).has_done());

  const std::string unit = host.root() / "home/login/.config/systemd/user/dm-master-8261.service";
  CHECK(fs::is_regular_file(unit));
  // What it leads to is where programs see it.
  CHECK(fs::read_symlink(
            host.root() /
            "home/login/.config/systemd/user/default.target.wants/dm-master-8261.service") ==
        "/home/login/.config/systemd/user/dm-master-8261.service");
  CHECK(fs::is_empty(host.root() / "etc/systemd/system"));
  CHECK_FALSE(host.root().Exists("var/lib/dmgr"));
  CHECK(host.root().Exists(std::string("home/login/.dmgr/clusters/") + kCluster + "/files"));
  CHECK(host.root().Exists(std::string("home/login/.dmgr/fence/") + kCluster));
  const std::string dir = " in /run/user/" + std::to_string(geteuid()) + "\n";
  CHECK_THAT(host.Calls(), Catch::Contains("--user daemon-reload" + dir));
  // No call is to the host's own systemd.
  for (std::size_t at = 0; at < host.Calls().size(); at = host.Calls().find('\n', at) + 1) {
    CHECK(host.Calls().compare(at, 7, "--user ") == 0);
  }

  // A second one after a crash finds what the first one recorded.
  REQUIRE(far.Call(InstallOfLogin()).has_done());
  hv1::ToHost query;
  query.mutable_query_units()->add_units(kUnitOfLogin);
  CHECK(far.Call(query).unit_states().units(0).enabled());

  hv1::ToHost removal;
  auto* paths = removal.mutable_batch()->add_requests()->mutable_remove_paths();
  paths->add_units(kUnitOfLogin);
  paths->add_dirs("/home/login/deploy/dm-master-8261");
  paths->add_parents("/home/login/deploy");
  paths->set_user("login");
  auto* leave = removal.mutable_batch()->add_requests()->mutable_leave_cluster();
  leave->set_user("login");
  leave->add_store_dirs("/home/login/.dmgr/releases");
  leave->add_parents("/home/login/deploy");
  REQUIRE(far.Call(removal).batch().replies_size() == 2);
  CHECK(host.Tree() == before);
}

TEST_CASE("what a login had of systemd's folders stays", "[login]") {
  LoginHost host;
  host.root().Write("home/login/.config/systemd/user/own.service", "[Unit]\n");
  const auto before = host.Tree();
  FarProcess far(host.root(), DMGR_FAR_PROGRAM, kHome);
  far.Begin(kCluster, 1);
  REQUIRE(far.Call(InstallOfLogin()).has_done());
  hv1::ToHost removal;
  removal.mutable_batch()->add_requests()->mutable_remove_paths()->add_units(kUnitOfLogin);
  removal.mutable_batch()->add_requests()->mutable_leave_cluster()->set_user("login");
  REQUIRE(far.Call(removal).batch().replies_size() == 2);
  CHECK(host.Tree() == before);
}

TEST_CASE("a look without root tells of the login's systemd", "[login]") {
  LoginHost host;
  FarProcess far(host.root(), DMGR_FAR_PROGRAM, kHome);
  far.Begin("", 0);
  hv1::ToHost request;
  request.mutable_inspect()->set_user("login");
  request.mutable_inspect()->add_paths("/home/login/deploy/dm-master-8261");
  request.mutable_inspect()->add_paths("/tmp/elsewhere");
  auto seen = far.Call(request).inspect();
  REQUIRE(seen.has_user_instance());
  CHECK(seen.user_instance().user() == "login");
  CHECK(seen.user_instance().home() == kHome);
  CHECK(seen.user_instance().runs());
  CHECK_FALSE(seen.user_instance().lingers());
  // Its store is in its home, wherever a cluster goes.
  for (const auto& path : seen.paths()) CHECK(path.root_only_parent() == kHome);

  host.root().Write("var/lib/systemd/linger/login", "");
  fs::remove_all(host.root() / "run/user");
  seen = far.Call(request).inspect();
  CHECK(seen.user_instance().lingers());
  CHECK_FALSE(seen.user_instance().runs());
  hv1::ToHost facts;
  facts.mutable_get_facts();
  CHECK(far.Call(facts).facts().user_instance().lingers());
}

TEST_CASE("a far end with root tells of no login", "[login]") {
  LoginHost host;
  FarProcess far(host.root());
  far.Begin("", 0);
  hv1::ToHost request;
  request.mutable_inspect()->add_paths("/tmp/elsewhere");
  CHECK_FALSE(far.Call(request).inspect().has_user_instance());
}

TEST_CASE("without root nothing runs as somebody else", "[login]") {
  LoginHost host;
  FarProcess far(host.root(), DMGR_FAR_PROGRAM, kHome);
  REQUIRE(far.TakeHello() == "DMGR-HOST/1\n");
  hv1::ToHost begin;
  begin.mutable_begin()->set_mode(hv1::Begin::MODE_BY_HAND);
  REQUIRE(far.Call(begin).has_begin());
  hv1::ToHost request;
  request.mutable_run_program()->set_user("other");
  request.mutable_run_program()->add_arguments("true");
  request.mutable_run_program()->set_timeout_ms(5000);
  const auto reply = far.Call(request);
  REQUIRE(reply.has_failure());
  CHECK_THAT(reply.failure().text(), Catch::Contains("other"));
}

}  // namespace
}  // namespace dmgr::test

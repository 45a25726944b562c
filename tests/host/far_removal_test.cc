// What is left of a cluster that leaves the host.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <string>

#include "tests/host/far_account.h"
#include "tests/host/far_deploy.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

// The cluster leaves: its paths, and then itself.
hv1::ToHost Removal(const std::string& dir, const char* key) {
  hv1::ToHost request;
  *request.mutable_batch()->add_requests()->mutable_remove_paths() = Paths(dir);
  *request.mutable_batch()->add_requests()->mutable_leave_cluster() = Leaving(key);
  return request;
}

std::vector<std::string> Left(const hv1::FromHost& reply) {
  REQUIRE(reply.batch().replies_size() == 2);
  const auto& paths = reply.batch().replies(0).remove_paths().left();
  std::vector<std::string> left(paths.begin(), paths.end());
  const auto& home = reply.batch().replies(1).leave_cluster().left();
  left.insert(left.end(), home.begin(), home.end());
  return left;
}

std::vector<std::string> Tree(const TempRoot& root) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root.path())) {
    const std::string path = entry.path().string().substr(root.path().size());
    // The fence stays, the rest is of the test itself.
    const bool stays = path.rfind("/var/lib/dmgr", 0) == 0 &&
                       (path == "/var/lib/dmgr" || path.rfind("/var/lib/dmgr/fence", 0) == 0);
    if (!stays && path != "/calls" && path != "/visudo-calls") paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST_CASE("a cluster that leaves leaves nothing behind but the fence") {
  TempRoot root;
  AddAccountPrograms(root);
  fs::create_directories(root / "opt");
  fs::create_directories(root / "etc/systemd/system/multi-user.target.wants");
  const std::string program = "var/lib/dmgr/" + std::string(64, 'c') + "/dmgr-host";
  root.Write("var/lib/keep", "");
  const auto before = Tree(root);
  root.Write(program, "x", 0755);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  Deploy(far, "/opt/dmgr/dm-master", kKeyA);
  const std::string data = "opt/dmgr/dm-master/data/wal";
  root.Write(data, "x");
  REQUIRE(chown((root / data).c_str(), 5001, 5001) == 0);
  // What the user linked to is not followed.
  fs::create_symlink("/var/lib", root / "opt/dmgr/dm-master/data/link");
  REQUIRE(lchown((root / "opt/dmgr/dm-master/data/link").c_str(), 5001, 5001) == 0);

  CHECK(Left(far.Call(Removal("/opt/dmgr/dm-master", kKeyA))).empty());
  CHECK(Tree(root) == before);
  CHECK(Calls(root).find("userdel dm\n") != std::string::npos);
  CHECK(root.Read("etc/passwd").find("dm:") == std::string::npos);
  CHECK(root.Read("etc/group").find("dm:") == std::string::npos);

  // And again.
  CHECK(Left(far.Call(Removal("/opt/dmgr/dm-master", kKeyA))).empty());
  CHECK(Tree(root) == before);
}

TEST_CASE("the fences of clusters that have left are bounded, others' stay") {
  TempRoot root;
  AddAccountPrograms(root);
  const auto uuid_of = [](int number) {
    return "00000000-0000-4000-8000-0000000000" + std::to_string(10 + number);
  };
  for (int i = 0; i < 50; ++i) {
    for (const char* suffix : {"", ".alive", ".turn", ".begins"}) {
      const std::string path = "var/lib/dmgr/fence/" + uuid_of(i) + suffix;
      root.Write(path, "epoch 1\nstart_number 1\npid 1\nstart_time 1\nboot other\n");
      fs::last_write_time(root / path,
                          fs::file_time_type::clock::now() - std::chrono::hours(i + 1));
    }
  }
  // The oldest is still there.
  root.Write("var/lib/dmgr/clusters/" + uuid_of(49) + "/files", "");
  FarProcess far(root);
  far.Begin(kClusterA, 2);
  far.Call(Ensure("dm", kKeyA));
  CHECK(Left(far.Call(Removal("/opt/dmgr/dm-master", kKeyA))).empty());
  for (int i = 0; i < 50; ++i) {
    INFO(i);
    const bool kept = i < 32 || i == 49;
    CHECK(root.Exists("var/lib/dmgr/fence/" + uuid_of(i)) == kept);
    CHECK(root.Exists("var/lib/dmgr/fence/" + uuid_of(i) + ".turn") == kept);
  }
  CHECK(root.Exists(std::string("var/lib/dmgr/fence/") + kClusterA));
}

TEST_CASE("what is not dmgr's stays, is named, and keeps its parents") {
  TempRoot root;
  AddAccountPrograms(root);
  fs::create_directories(root / "opt");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  Deploy(far, "/opt/dmgr/dm-master", kKeyA);
  root.Write("opt/dmgr/dm-master/conf/admin.txt", "notes");
  root.Write("opt/dmgr/other/x", "x");
  // Written as the user, by somebody else.
  root.Write("home/dm/admin.txt", "notes");
  REQUIRE(chown((root / "home/dm/admin.txt").c_str(), 5001, 5001) == 0);
  root.Mount("opt/dmgr/dm-master/data", 1 << 20);
  root.Write("opt/dmgr/dm-master/data/precious", "x");
  fs::create_directories(root / "opt/dmgr/dm-master/conf/empty");

  const auto reply = far.Call(Removal("/opt/dmgr/dm-master", kKeyA));
  const auto left = Left(reply);
  CHECK(left == std::vector<std::string>{"/opt/dmgr/dm-master/conf/admin.txt",
                                         "/opt/dmgr/dm-master/conf/empty",
                                         "/opt/dmgr/dm-master/data", "/home/dm/admin.txt"});
  CHECK(root.Read("opt/dmgr/dm-master/conf/admin.txt") == "notes");
  CHECK(root.Read("home/dm/admin.txt") == "notes");
  CHECK(root.Exists("opt/dmgr/dm-master/data/precious"));
  CHECK(root.Exists("opt/dmgr/other/x"));
  CHECK_FALSE(root.Exists("opt/dmgr/dm-master/bin"));
  // The account stays with its home, without what dmgr gave it.
  CHECK(reply.batch().replies(1).leave_cluster().kept_user() == "dm");
  CHECK(Calls(root).find("userdel") == std::string::npos);
  CHECK(root.Exists("home/dm/.profile"));
  CHECK_FALSE(root.Exists("home/dm/.ssh"));
  CHECK_FALSE(root.Exists("etc/sudoers.d/dmgr-dm"));
  // It is nobody's of dmgr from now on.
  far.Call(Ensure("dm", kKeyA));
  const auto again = far.Call(Removal("/opt/dmgr/dm-master", kKeyA));
  CHECK(again.batch().replies(1).leave_cluster().kept_user().empty());
  CHECK(root.Read("home/dm/admin.txt") == "notes");
}

TEST_CASE("a user changes what useradd gave: the home stays") {
  TempRoot root;
  AddAccountPrograms(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  far.Call(Ensure("dm", kKeyA));
  root.Write("home/dm/.profile", "export A=1\n");
  const auto reply = far.Call(Removal("/opt/dmgr/dm-master", kKeyA));
  CHECK(Left(reply) == std::vector<std::string>{"/home/dm/.profile"});
  CHECK(reply.batch().replies(1).leave_cluster().kept_user() == "dm");
}

TEST_CASE("a directory that is a mount point is emptied and stays") {
  TempRoot root;
  AddAccountPrograms(root);
  root.Mount("data", 1 << 20);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  Deploy(far, "/data", kKeyA);
  CHECK(Left(far.Call(Removal("/data", kKeyA))) == std::vector<std::string>{"/data"});
  CHECK(fs::is_empty(root / "data"));
}

TEST_CASE("what clusters share stays until the last one leaves") {
  TempRoot root;
  AddAccountPrograms(root);
  fs::create_directories(root / "opt");
  FarProcess a(root);
  FarProcess b(root);
  a.Begin(kClusterA, 1);
  b.Begin(kClusterB, 2);
  Deploy(a, "/opt/dmgr/a", kKeyA);
  REQUIRE(b.Call(Ensure("dm", kKeyB)).has_ensure_account());
  // Inside of the other cluster's directory.
  hv1::ToHost inside;
  auto* dir = inside.mutable_make_dirs()->add_dirs();
  dir->set_path("/opt/dmgr/a/b");
  dir->set_mode(0755);
  dir->set_owner("dm");
  dir->set_group("dm");
  REQUIRE(b.Call(inside).has_done());
  root.Write("opt/dmgr/a/b/data", "x");
  REQUIRE(chown((root / "opt/dmgr/a/b/data").c_str(), 5001, 5001) == 0);

  CHECK(Left(a.Call(Removal("/opt/dmgr/a", kKeyA))) == std::vector<std::string>{"/opt/dmgr/a/b"});
  CHECK(root.Exists("opt/dmgr/a/b/data"));
  CHECK(root.Read("home/dm/.ssh/authorized_keys") == std::string(kKeyB) + "\n");
  CHECK(root.Exists("var/lib/dmgr/shared"));
  CHECK(Calls(root).find("userdel") == std::string::npos);

  auto removal = Removal("/opt/dmgr/a/b", kKeyB);
  removal.mutable_batch()->mutable_requests(0)->mutable_remove_paths()->clear_units();
  CHECK(Left(b.Call(removal)).empty());
  CHECK(Calls(root).find("userdel dm\n") != std::string::npos);
  CHECK_FALSE(root.Exists("home/dm"));
  CHECK_FALSE(root.Exists("etc/sudoers.d/dmgr-dm"));
  CHECK_FALSE(root.Exists("var/lib/dmgr/shared"));
  CHECK_FALSE(root.Exists("var/lib/dmgr/clusters"));
}

TEST_CASE("a release goes with the last cluster that wants it") {
  TempRoot root;
  const std::string hash(64, 'd');
  const std::string store = "opt/.dmgr/releases/";
  root.Write(store + hash + "/.complete", "");
  root.Write(store + hash + "/bin/dm-master", "x", 0755);
  root.Write("opt/.dmgr/holders/" + hash + "/" + kClusterA, "");
  root.Write("opt/.dmgr/holders/" + hash + "/" + kClusterB, "");
  hv1::ToHost removal;
  removal.mutable_leave_cluster()->add_store_dirs("/opt/.dmgr/releases");
  {
    FarProcess a(root);
    a.Begin(kClusterA, 1);
    REQUIRE(a.Call(removal).has_leave_cluster());
  }
  CHECK(root.Exists(store + hash + "/bin/dm-master"));
  FarProcess b(root);
  b.Begin(kClusterB, 1);
  REQUIRE(b.Call(removal).has_leave_cluster());
  CHECK_FALSE(root.Exists("opt/.dmgr"));
}

TEST_CASE("an instance that leaves takes its paths and releases along, and nothing else") {
  TempRoot root;
  AddAccountPrograms(root);
  const std::string gone(64, 'd');
  const std::string kept(64, 'e');
  for (const auto& hash : {gone, kept}) {
    root.Write("opt/.dmgr/releases/" + hash + "/.complete", "");
    root.Write("opt/.dmgr/holders/" + hash + "/" + kClusterA, "");
  }
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  Deploy(far, "/opt/dmgr/a", kKeyA);
  hv1::ToHost dirs;
  auto* dir = dirs.mutable_make_dirs()->add_dirs();
  dir->set_path("/opt/dmgr/b");
  dir->set_owner("dm");
  dir->set_group("dm");
  REQUIRE(far.Call(dirs).has_done());
  root.Write("opt/notes", "not dmgr's");

  hv1::ToHost leave;
  *leave.mutable_batch()->add_requests()->mutable_remove_paths() = Paths("/opt/dmgr/a");
  auto* files = leave.mutable_batch()->add_requests()->mutable_remove_paths();
  files->add_files("/opt/notes");
  auto* drop = leave.mutable_batch()->add_requests()->mutable_drop_releases();
  drop->add_store_dirs("/opt/.dmgr/releases");
  drop->add_hashes(gone);
  for (int round = 0; round < 2; ++round) {
    const auto reply = far.Call(leave);
    REQUIRE(reply.batch().replies_size() == 3);
    CHECK(reply.batch().replies(0).remove_paths().left().empty());
    REQUIRE(reply.batch().replies(1).remove_paths().left_size() == 1);
    CHECK(reply.batch().replies(1).remove_paths().left(0) == "/opt/notes");
    CHECK(reply.batch().replies(2).has_done());
    CHECK_FALSE(root.Exists("opt/dmgr/a"));
    CHECK(root.Exists("opt/dmgr/b"));
    CHECK_FALSE(root.Exists("opt/.dmgr/releases/" + gone));
    CHECK(root.Exists("opt/.dmgr/releases/" + kept));
    CHECK(root.Read("home/dm/.ssh/authorized_keys") == std::string(kKeyA) + "\n");
    const std::string record =
        root.Read(std::string("var/lib/dmgr/clusters/") + kClusterA + "/files");
    CHECK(record.find("/opt/dmgr/a") == std::string::npos);
    CHECK(record.find("/opt/dmgr/b") != std::string::npos);
  }
}

TEST_CASE("what is removed is named by whole paths below the root") {
  TempRoot root;
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  hv1::ToHost request;
  SECTION("the root") { request.mutable_remove_paths()->add_dirs("/"); }
  SECTION("the root as a parent") { request.mutable_leave_cluster()->add_parents("/"); }
  SECTION("relative") { request.mutable_drop_releases()->add_store_dirs("releases"); }
  SECTION("no hash") { request.mutable_drop_releases()->add_hashes("../x"); }
  SECTION("an heir that is no cluster") { request.mutable_hand_over()->set_heir("../x"); }
  SECTION("handing over the root") {
    request.mutable_hand_over()->set_heir(kClusterB);
    request.mutable_hand_over()->add_dirs("/");
  }
  CHECK(far.Call(request).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
}

TEST_CASE("units that are active, or not dmgr's, are not removed") {
  TempRoot root;
  AddAccountPrograms(root);
  fs::create_directories(root / "run/systemd/system");
  fs::create_directories(root / "opt");
  const std::string file = std::string("etc/systemd/system/") + kDeployedUnit;
  root.AddProgram("systemctl", "[ $1 = show ] && cat $ROOT/state\nexit 0\n");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  SECTION("active") {
    root.Write("state", "LoadState=loaded\nActiveState=active\n");
    Deploy(far, "/opt/dmgr/dm-master", kKeyA);
    CHECK(far.Call(Removal("/opt/dmgr/dm-master", kKeyA)).failure().kind() ==
          hv1::Failure::KIND_CONFLICT);
    CHECK(root.Exists(file));
    CHECK(root.Exists("opt/dmgr/dm-master/bin/dm-master"));
  }
  SECTION("somebody else's") {
    root.Write("state", "LoadState=loaded\nActiveState=inactive\n");
    root.Write(file, "[Unit]\n");
    CHECK(Left(far.Call(Removal("/opt/dmgr/dm-master", kKeyA))) ==
          std::vector<std::string>{"/" + file});
    CHECK(root.Exists(file));
  }
}

TEST_CASE("the far end takes its own program along when the last cluster leaves") {
  TempRoot root;
  const std::string folder = "var/lib/dmgr/" + std::string(64, 'e');
  fs::create_directories(root / folder);
  fs::copy_file(DMGR_FAR_PROGRAM, root / (folder + "/dmgr-host"));
  hv1::ToHost removal;
  removal.mutable_leave_cluster();
  FarProcess far(root, root / (folder + "/dmgr-host"));
  far.Begin(kClusterA, 3);
  REQUIRE(far.Call(removal).has_leave_cluster());
  CHECK_FALSE(root.Exists(folder));
  CHECK(root.Exists(std::string("var/lib/dmgr/fence/") + kClusterA));
  // It goes on, and is known for what it is although its file is gone.
  FarProcess next(root);
  CHECK(next.Begin(kClusterA, 4).has_begin());
  CHECK(far.Ended());
}

}  // namespace
}  // namespace dmgr::test

// Accounts.
#include "tests/host/far_account.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/host/far_release.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("an account is made once, with the key and without sudo") {
  TempRoot root;
  AddAccountPrograms(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  for (int i = 0; i < 2; ++i) {
    const auto reply = far.Call(Ensure("dm", kKeyA));
    REQUIRE(reply.has_ensure_account());
    CHECK(reply.ensure_account().home() == "/home/dm");
    CHECK(reply.ensure_account().created_user());
    CHECK(reply.ensure_account().created_group());
  }
  CHECK(Calls(root) == "groupadd dm\nuseradd -m -d /home/dm -s /bin/bash -g dm dm\n");
  CHECK(fs::is_empty(root / "etc/sudoers.d"));
  CHECK(root.Read("home/dm/.ssh/authorized_keys") == std::string(kKeyA) + "\n");
  CHECK((StatOf(root / "home/dm/.ssh").st_mode & 07777) == 0700);
  CHECK((StatOf(root / "home/dm/.ssh/authorized_keys").st_mode & 07777) == 0600);
  CHECK(StatOf(root / "home/dm/.ssh/authorized_keys").st_uid == 5001);
}

TEST_CASE("a user that dmgr made is put back into its group") {
  TempRoot root;
  AddAccountPrograms(root);
  root.AddProgram("usermod", "echo usermod \"$@\" >> $ROOT/calls\n");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Ensure("dm", kKeyA)).has_ensure_account());
  const std::string calls = Calls(root);
  root.Write("etc/passwd", "dm:x:5001:65534::/home/dm:/bin/bash\n");
  REQUIRE(far.Call(Ensure("dm", kKeyA)).has_ensure_account());
  CHECK(Calls(root) == calls + "usermod -a -G dm dm\n");
}

TEST_CASE("a useradd is done before another far end begins, whatever ended its own") {
  TempRoot root;
  AddAccountPrograms(root);
  root.Write("wait", "");
  const bool killed = GENERATE(false, true);
  CAPTURE(killed);
  FarProcess first(root);
  first.Begin(kClusterA, 1);
  auto request = Ensure("dm", kKeyA);
  request.set_id(9);
  first.Send(request);
  REQUIRE(WaitFor([&] { return root.Exists("waits"); }));
  if (killed) {
    kill(first.pid(), SIGKILL);
  } else {
    first.CloseInput();
  }
  first.ExitStatus();
  std::thread wait_over([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    fs::remove(root / "wait");
  });
  FarProcess next(root);
  next.Begin(kClusterA, 2);
  wait_over.join();
  CHECK(root.Read("home/dm/.profile") == "x\n");
  CHECK(next.Call(Ensure("dm", kKeyA)).ensure_account().created_user());
}

TEST_CASE("a kill between useradd and the end: the next one knows that dmgr made the user") {
  TempRoot root;
  AddAccountPrograms(root);
  root.Write("hang", "");
  {
    FarProcess far(root);
    far.Begin(kClusterA, 1);
    auto request = Ensure("dm", kKeyA);
    request.set_id(9);
    far.Send(request);
    REQUIRE(WaitFor([&] { return root.Exists("hangs"); }));
  }
  fs::remove(root / "hang");
  FarProcess far(root);
  far.Begin(kClusterA, 2);
  const auto reply = far.Call(Ensure("dm", kKeyA)).ensure_account();
  CHECK(reply.created_user());
  CHECK(StatOf(root / "home/dm").st_uid == 5001);
  hv1::ToHost remove;
  remove.mutable_leave_cluster()->set_user("dm");
  remove.mutable_leave_cluster()->set_public_key(kKeyA);
  CHECK(far.Call(remove).has_leave_cluster());
  CHECK(Calls(root).find("userdel dm\n") != std::string::npos);
  CHECK_FALSE(root.Exists("home/dm"));
}

TEST_CASE("an account that was there before keeps all that it had") {
  TempRoot root;
  AddAccountPrograms(root);
  root.Write("home/tidb/.ssh/authorized_keys", "ssh-rsa old\nssh-rsa no-newline", 0644);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const auto reply = far.Call(Ensure("tidb", kKeyA)).ensure_account();
  CHECK_FALSE(reply.created_user());
  CHECK_FALSE(reply.created_group());
  CHECK_FALSE(root.Exists("etc/sudoers.d/dmgr-tidb"));
  CHECK(root.Read("home/tidb/.ssh/authorized_keys") ==
        std::string("ssh-rsa old\nssh-rsa no-newline\n") + kKeyA + "\n");
  CHECK((StatOf(root / "home/tidb/.ssh/authorized_keys").st_mode & 07777) == 0644);
  hv1::ToHost remove;
  remove.mutable_leave_cluster()->set_user("tidb");
  remove.mutable_leave_cluster()->set_public_key(kKeyA);
  CHECK(far.Call(remove).has_leave_cluster());
  CHECK(root.Read("home/tidb/.ssh/authorized_keys") == "ssh-rsa old\nssh-rsa no-newline\n");
  CHECK(Calls(root).empty());
}

TEST_CASE("a user that is not to be made must exist") {
  TempRoot root;
  AddAccountPrograms(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  CHECK(far.Call(Ensure("dm", kKeyA, false)).failure().kind() == hv1::Failure::KIND_NOT_FOUND);
  CHECK(Calls(root).empty());
}

TEST_CASE("a user from elsewhere is found by getent") {
  TempRoot root;
  AddAccountPrograms(root);
  root.AddProgram("getent",
                  "[ $1 = passwd ] && echo \"$2:*:7000:7000::/home/$2:/bin/sh\" || "
                  "echo \"$2:*:7000:\"\n");
  fs::create_directories(root / "home/ldap");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Ensure("ldap", kKeyA)).has_ensure_account());
  CHECK(StatOf(root / "home/ldap/.ssh/authorized_keys").st_uid == 7000);
  CHECK(Calls(root).empty());
}

TEST_CASE("names and keys that could do harm are refused") {
  TempRoot root;
  AddAccountPrograms(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  for (const char* user : {"", "-r", "a b", "a:b", "a/b", "0day", "a\nb", "ALL", "%wheel"}) {
    CAPTURE(user);
    CHECK(far.Call(Ensure(user, kKeyA)).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
  }
  CHECK(far.Call(Ensure("dm", "ssh-rsa a\nssh-rsa b")).failure().kind() ==
        hv1::Failure::KIND_BAD_REQUEST);
  CHECK(Calls(root).empty());
}

TEST_CASE("links in a home lead the key nowhere") {
  TempRoot root;
  AddAccountPrograms(root);
  root.Write("etc/shadow", "secret\n", 0600);
  fs::create_directories(root / "home/tidb");
  REQUIRE(chown((root / "home/tidb").c_str(), 4201, 4201) == 0);
  SECTION("instead of .ssh") { fs::create_symlink("/etc", root / "home/tidb/.ssh"); }
  SECTION("instead of authorized_keys") {
    fs::create_directories(root / "home/tidb/.ssh");
    fs::create_symlink("/etc/shadow", root / "home/tidb/.ssh/authorized_keys");
  }
  SECTION("a hard link") {
    fs::create_directories(root / "home/tidb/.ssh");
    fs::create_hard_link(root / "etc/shadow", root / "home/tidb/.ssh/authorized_keys");
  }
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  CHECK(far.Call(Ensure("tidb", kKeyA)).failure().kind() == hv1::Failure::KIND_CONFLICT);
  CHECK(root.Read("etc/shadow") == "secret\n");
  CHECK_FALSE(root.Exists("etc/authorized_keys"));
}

TEST_CASE("the sudoers file of an earlier version goes, by the record alone") {
  TempRoot root;
  AddAccountPrograms(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(Ensure("dm", "")).has_ensure_account());
  CHECK_FALSE(root.Exists("home/dm/.ssh"));
  const std::string record = root.Read("var/lib/dmgr/shared/account-dm/made");
  const std::string file = "etc/sudoers.d/dmgr-dm";
  root.Write(file, "dm ALL=(ALL) NOPASSWD: ALL\n", 0440);
  // Somebody else's.
  REQUIRE(far.Call(Ensure("dm", "")).has_ensure_account());
  CHECK(root.Exists(file));
  root.Write("var/lib/dmgr/shared/account-dm/made", record + "sudoers\n", 0600);
  REQUIRE(far.Call(Ensure("dm", "")).has_ensure_account());
  CHECK_FALSE(root.Exists(file));
  // What comes later is not dmgr's, and the rest of the record stays.
  root.Write(file, "dm ALL=(ALL) /bin/ls\n", 0440);
  CHECK(far.Call(Ensure("dm", "")).ensure_account().created_user());
  CHECK(root.Exists(file));
}

}  // namespace
}  // namespace dmgr::test

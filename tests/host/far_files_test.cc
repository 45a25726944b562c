// Facts, inspection, directories, files.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/host/far_process.h"
#include "tests/host/far_release.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kTidb = 4201;

hv1::ToHost FileRequest(const std::string& path, const std::string& content,
                        const std::string& owner = "tidb", std::uint32_t mode = 0640) {
  hv1::ToHost request;
  auto* file = request.mutable_write_files()->add_files();
  file->set_path(path);
  file->set_content(content);
  file->set_owner(owner);
  file->set_group(owner);
  file->set_mode(mode);
  return request;
}

hv1::ToHost DirRequest(const std::string& path, const std::string& owner = "tidb") {
  hv1::ToHost request;
  auto* dir = request.mutable_make_dirs()->add_dirs();
  dir->set_path(path);
  dir->set_mode(0750);
  dir->set_owner(owner);
  dir->set_group(owner);
  return request;
}

hv1::PathState Inspect(FarProcess& far, const std::string& path) {
  hv1::ToHost request;
  request.mutable_inspect()->add_paths(path);
  const auto reply = far.Call(request);
  REQUIRE(reply.inspect().paths_size() == 1);
  return reply.inspect().paths(0);
}

// What no far end may leave, whatever happens to it.
int CountTemporaries(const TempRoot& root) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root.path())) {
    if (entry.path().filename().string().rfind(".dmgr-tmp-", 0) == 0) ++count;
  }
  return count;
}

TEST_CASE("facts of the host") {
  TempRoot root;
  root.Write("usr/lib/os-release", "NAME=\"X\"\nPRETTY_NAME=\"Test Linux 7 (core)\"\n");
  fs::create_directories(root / "run/systemd/system");
  root.AddProgram("systemctl", "echo Version=252.22-1~deb12u1\n");
  root.Mount("data", 16 << 20);
  FarProcess far(root);
  far.Begin("", 0);
  hv1::ToHost request;
  request.mutable_get_facts()->add_paths("/data/not/there/yet");
  const auto facts = far.Call(request).facts();
  CHECK(facts.os() == "Test Linux 7 (core)");
  CHECK(facts.systemd_running());
  CHECK(facts.systemd_version() == 252);
  CHECK(facts.cpu_cores() == sysconf(_SC_NPROCESSORS_ONLN));
  CHECK(facts.memory_bytes() > 1 << 20);
  CHECK(facts.clock_ms() / 1000 - time(nullptr) <= 1);
  REQUIRE(facts.free_bytes_size() == 1);
  CHECK(facts.free_bytes(0) == 16 << 20);
}

TEST_CASE("a host without systemd says so") {
  TempRoot root;
  root.AddProgram("systemctl", "[ \"$1\" = --version ] && echo 'systemd 219' || exit 1\n");
  FarProcess far(root);
  far.Begin("", 0);
  hv1::ToHost request;
  request.mutable_get_facts();
  const auto facts = far.Call(request).facts();
  CHECK_FALSE(facts.systemd_running());
  CHECK(facts.systemd_version() == 219);
}

TEST_CASE("inspection tells what is there") {
  TempRoot root;
  root.Write("opt/dm/conf/x.toml", "x", 0640);
  fs::create_directories(root / "home/tidb/empty");
  REQUIRE(chown((root / "home/tidb").c_str(), kTidb, kTidb) == 0);
  fs::create_symlink("/opt/dm", root / "opt/link");
  FarProcess far(root);
  far.Begin("", 0);

  const auto file = Inspect(far, "/opt/dm/conf/x.toml");
  CHECK(file.type() == hv1::PathState::TYPE_FILE);
  CHECK(file.owner() == "root");
  CHECK(file.mode() == 0640);
  CHECK(file.root_only_parent() == "/opt/dm/conf");
  CHECK(Inspect(far, "/opt/link").type() == hv1::PathState::TYPE_SYMLINK);
  // Root's own links are followed on the way.
  CHECK(Inspect(far, "/opt/link/conf/x.toml").type() == hv1::PathState::TYPE_FILE);

  const auto home = Inspect(far, "/home/tidb");
  CHECK(home.owner() == "tidb");
  CHECK_FALSE(home.empty());
  CHECK(Inspect(far, "/home/tidb/empty").empty());

  const auto absent = Inspect(far, "/home/tidb/a/b");
  CHECK(absent.type() == hv1::PathState::TYPE_ABSENT);
  CHECK(absent.existing_parent() == "/home/tidb");
  // What is below the user's own directory is no place for what only root may change.
  CHECK(absent.root_only_parent() == "/home");
  CHECK(absent.device() == StatOf(root / "home").st_dev);
  CHECK(absent.free_bytes() > 0);
  CHECK(Inspect(far, "/opt/dm/conf/x.toml/y").type() == hv1::PathState::TYPE_OTHER);
}

TEST_CASE("inspection tells a directory that is mounted on itself from others") {
  TempRoot root;
  fs::create_directories(root / "opt/a b/data");
  root.Bind("opt/a b");
  FarProcess far(root);
  far.Begin("", 0);
  CHECK(Inspect(far, "/opt/a b").mount_point());
  CHECK_FALSE(Inspect(far, "/opt/a b/data").mount_point());
}

TEST_CASE("inspection refuses paths that are not plain") {
  TempRoot root;
  FarProcess far(root);
  far.Begin("", 0);
  for (const char* path : {"", "relative", "/a/../b", "/a//b", "/a/", "/a/./b", "/a\nb"}) {
    hv1::ToHost request;
    request.mutable_inspect()->add_paths(path);
    CAPTURE(path);
    CHECK(far.Call(request).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
  }
}

TEST_CASE("inspection tells who listens on a port") {
  TempRoot root;
  const bool v6 = GENERATE(false, true);
  const int family = v6 ? AF_INET6 : AF_INET;
  sockaddr_storage address = {};
  address.ss_family = static_cast<sa_family_t>(family);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  const int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(listener, any, size) == 0);
  REQUIRE(listen(listener, 1) == 0);
  REQUIRE(getsockname(listener, any, &size) == 0);
  const std::uint32_t port = ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  const int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(connect(client, any, size) == 0);
  const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  REQUIRE(accepted >= 0);
  FarProcess far(root);
  far.Begin("", 0);
  hv1::ToHost request;
  request.mutable_inspect()->add_ports(port);
  request.mutable_inspect()->add_ports(1);
  const auto reply = far.Call(request).inspect();
  REQUIRE(reply.ports_size() == 1);
  CHECK(reply.ports(0).port() == port);
  CHECK(reply.ports(0).listener() == "far_test (" + std::to_string(getpid()) + ")");
  close(listener);
  // A connection of that port is still open.
  CHECK(far.Call(request).inspect().ports_size() == 0);
  close(client);
  close(accepted);
}

TEST_CASE("files are written whole, with their owner, and not again when nothing changed") {
  TempRoot root;
  fs::create_directories(root / "opt/dm");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(FileRequest("/opt/dm/a.toml", "one")).has_done());
  const auto first = StatOf(root / "opt/dm/a.toml");
  CHECK(root.Read("opt/dm/a.toml") == "one");
  CHECK(first.st_uid == kTidb);
  CHECK((first.st_mode & 07777) == 0640);

  REQUIRE(far.Call(FileRequest("/opt/dm/a.toml", "one", "tidb", 0600)).has_done());
  const auto second = StatOf(root / "opt/dm/a.toml");
  CHECK(second.st_ino == first.st_ino);
  CHECK((second.st_mode & 07777) == 0600);

  REQUIRE(far.Call(FileRequest("/opt/dm/a.toml", "two")).has_done());
  CHECK(root.Read("opt/dm/a.toml") == "two");
  CHECK(StatOf(root / "opt/dm/a.toml").st_ino != first.st_ino);
  CHECK(CountTemporaries(root) == 0);
}

TEST_CASE("a request that fails names the path and what was wrong") {
  TempRoot root;
  fs::create_directories(root / "opt/dir");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const auto missing = far.Call(FileRequest("/opt/none/a", "x")).failure();
  CHECK(missing.kind() == hv1::Failure::KIND_SYSTEM);
  CHECK(missing.error_number() == ENOENT);
  CHECK(missing.path() == "/opt/none");
  CHECK(far.Call(FileRequest("/opt/a", "x", "nobody-here")).failure().kind() ==
        hv1::Failure::KIND_NOT_FOUND);
  CHECK(far.Call(FileRequest("/opt/dir", "x")).failure().kind() == hv1::Failure::KIND_CONFLICT);
  CHECK(CountTemporaries(root) == 0);
}

TEST_CASE("no user leads the far end astray by a link") {
  TempRoot root;
  root.Write("etc/shadow", "secret", 0600);
  fs::create_directories(root / "home/tidb/dm");
  REQUIRE(chown((root / "home/tidb").c_str(), kTidb, kTidb) == 0);
  REQUIRE(chown((root / "home/tidb/dm").c_str(), kTidb, kTidb) == 0);
  FarProcess far(root);
  far.Begin(kClusterA, 1);

  SECTION("in the last part: the link itself is replaced") {
    fs::create_symlink("/etc/shadow", root / "home/tidb/dm/a");
    REQUIRE(far.Call(FileRequest("/home/tidb/dm/a", "x")).has_done());
    CHECK(root.Read("etc/shadow") == "secret");
    CHECK(fs::is_regular_file(fs::symlink_status(root / "home/tidb/dm/a")));
  }
  SECTION("on the way: refused") {
    fs::create_symlink("/etc", root / "home/tidb/conf");
    const auto failure = far.Call(FileRequest("/home/tidb/conf/shadow", "x")).failure();
    CHECK(failure.kind() == hv1::Failure::KIND_CONFLICT);
    CHECK(far.Call(DirRequest("/home/tidb/conf/new")).failure().kind() ==
          hv1::Failure::KIND_CONFLICT);
    CHECK(root.Read("etc/shadow") == "secret");
    CHECK_FALSE(root.Exists("etc/new"));
  }
  SECTION("root's own link that the user moved: refused") {
    fs::create_symlink("/etc", root / "home/tidb/dm/conf");
    REQUIRE(StatOf(root / "home/tidb/dm/conf").st_uid == 0);
    CHECK(far.Call(FileRequest("/home/tidb/dm/conf/shadow", "x")).failure().kind() ==
          hv1::Failure::KIND_CONFLICT);
  }
  SECTION("by a hard link: its other name keeps content and owner") {
    fs::create_hard_link(root / "etc/shadow", root / "home/tidb/dm/a");
    REQUIRE(far.Call(FileRequest("/home/tidb/dm/a", "secret", "tidb", 0644)).has_done());
    CHECK(StatOf(root / "etc/shadow").st_uid == 0);
    CHECK((StatOf(root / "etc/shadow").st_mode & 07777) == 0600);
  }
  SECTION("in a log: not read") {
    fs::create_symlink("/etc/shadow", root / "home/tidb/dm/x.log");
    hv1::ToHost request;
    request.mutable_read_logs()->add_paths("/home/tidb/dm/x.log");
    request.mutable_read_logs()->set_lines(5);
    CHECK(far.Call(request).log_text().text().empty());
  }
}

TEST_CASE("directories are made with their parents and belong to their owner") {
  TempRoot root;
  fs::create_directories(root / "data");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(DirRequest("/data/x/y/dm")).has_done());
  CHECK(StatOf(root / "data/x").st_uid == 0);
  CHECK((StatOf(root / "data/x").st_mode & 07777) == 0755);
  CHECK(StatOf(root / "data/x/y/dm").st_uid == kTidb);
  CHECK((StatOf(root / "data/x/y/dm").st_mode & 07777) == 0750);
  REQUIRE(far.Call(DirRequest("/data/x/y/dm")).has_done());
  // Below a user's own directory the parents are the user's too.
  REQUIRE(far.Call(DirRequest("/data/x/y/dm/deep/er", "root")).has_done());
  CHECK(StatOf(root / "data/x/y/dm/deep").st_uid == kTidb);
  CHECK(StatOf(root / "data/x/y/dm/deep/er").st_uid == 0);
}

TEST_CASE("a directory that others use is not taken away from them") {
  TempRoot root;
  root.Write("srv/web/index.html", "x");
  fs::create_directories(root / "srv/empty");
  root.Mount("srv/disk", 64 << 10);
  fs::create_directories(root / "srv/disk/lost+found");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  CHECK(far.Call(DirRequest("/srv/web")).failure().kind() == hv1::Failure::KIND_CONFLICT);
  CHECK(StatOf(root / "srv/web").st_uid == 0);
  CHECK(far.Call(DirRequest("/srv/empty")).failure().kind() == hv1::Failure::KIND_CONFLICT);
  CHECK(StatOf(root / "srv/empty").st_uid == 0);
  // Mounted for this.
  CHECK(far.Call(DirRequest("/srv/disk")).has_done());
  CHECK(StatOf(root / "srv/disk").st_uid == kTidb);
  CHECK(far.Call(DirRequest("/srv/web/index.html")).failure().kind() == hv1::Failure::KIND_SYSTEM);
}

TEST_CASE("a disk that was there is given back, and a directory of the user's own stays as it is") {
  TempRoot root;
  root.Mount("srv/empty", 64 << 10);
  fs::permissions(root / "srv/empty", fs::perms(0711));
  fs::create_directories(root / "srv/own");
  REQUIRE(chown((root / "srv/own").c_str(), kTidb, 0) == 0);
  fs::permissions(root / "srv/own", fs::perms(0700));
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(far.Call(DirRequest("/srv/empty")).has_done());
    REQUIRE(far.Call(DirRequest("/srv/own")).has_done());
  }
  CHECK(StatOf(root / "srv/empty").st_uid == kTidb);
  CHECK(StatOf(root / "srv/own").st_gid == 0);
  CHECK((StatOf(root / "srv/own").st_mode & 07777) == 0700);
  hv1::ToHost leave;
  leave.mutable_leave_cluster();
  REQUIRE(far.Call(leave).has_leave_cluster());
  CHECK(StatOf(root / "srv/empty").st_uid == 0);
  CHECK((StatOf(root / "srv/empty").st_mode & 07777) == 0711);
  CHECK(StatOf(root / "srv/own").st_uid == kTidb);
}

TEST_CASE("what a dead far end left is removed, and what others left is not") {
  TempRoot root;
  const std::string a = std::string(".dmgr-tmp-") + kClusterA + "-1-1-0";
  const std::string b = std::string(".dmgr-tmp-") + kClusterB + "-1-1-0";
  root.Write("opt/dm/" + a, "x");
  root.Write("opt/dm/" + b, "x");
  FarProcess far(root);
  far.Begin(kClusterA, 2);
  REQUIRE(far.Call(FileRequest("/opt/dm/f", "x")).has_done());
  CHECK_FALSE(root.Exists("opt/dm/" + a));
  CHECK(root.Exists("opt/dm/" + b));
}

TEST_CASE("a full disk is told as such") {
  TempRoot root;
  root.Mount("small", 64 << 10);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const auto failure = far.Call(FileRequest("/small/f", std::string(1 << 20, 'x'))).failure();
  CHECK(failure.kind() == hv1::Failure::KIND_NO_SPACE);
  CHECK(failure.path() == "/small/f");
  CHECK(fs::is_empty(root / "small"));
}

TEST_CASE("a batch is done in order and ends with the first failure") {
  TempRoot root;
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  hv1::ToHost request;
  *request.mutable_batch()->add_requests() = DirRequest("/opt/dm");
  *request.mutable_batch()->add_requests() = FileRequest("/opt/dm/a", "x");
  auto reply = far.Call(request);
  REQUIRE(reply.batch().replies_size() == 2);
  CHECK(reply.batch().replies(1).has_done());
  *request.mutable_batch()->add_requests() = FileRequest("/opt/none/a", "x");
  *request.mutable_batch()->add_requests() = FileRequest("/opt/dm/b", "x");
  CHECK(far.Call(request).failure().error_number() == ENOENT);
  CHECK_FALSE(root.Exists("opt/dm/b"));
}

TEST_CASE("programs are labelled where the host has SELinux") {
  TempRoot root;
  fs::create_directories(root / "sys/fs/selinux/booleans");
  fs::create_directories(root / "opt");
  root.AddProgram("chcon", "echo \"$@\" >> $ROOT/calls\n");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(FileRequest("/opt/run.sh", "x", "tidb", 0755)).has_done());
  REQUIRE(far.Call(FileRequest("/opt/x.toml", "x", "tidb", 0644)).has_done());
  CHECK(root.Read("calls") == "-t bin_t -- " + root.path() + "/opt/run.sh\n");
}

TEST_CASE("logs: the last lines, whatever is in them") {
  TempRoot root;
  std::string big;
  for (int i = 0; i < 20000; ++i) big += "line " + std::to_string(i) + "\n";
  root.Write("var/log/a.log", big);
  root.Write("var/log/b.log", "bad \xff bytes, no end of line");
  root.AddProgram("journalctl", "echo \"journal of $2, $4 lines\"\n");
  FarProcess far(root);
  far.Begin("", 0);
  hv1::ToHost request;
  auto* logs = request.mutable_read_logs();
  logs->add_paths("/var/log/a.log");
  logs->add_paths("/var/log/none.log");
  logs->add_paths("/var/log/b.log");
  logs->add_units("dm.service");
  logs->set_lines(2);
  CHECK(far.Call(request).log_text().text() ==
        "==> /var/log/a.log <==\nline 19998\nline 19999\n\n"
        "==> /var/log/b.log <==\nbad ? bytes, no end of line\n\n"
        "==> dm.service <==\njournal of dm.service, 2 lines\n");
  logs->set_lines(100000);
  CHECK(far.Call(request).log_text().text().size() < 70 << 10);
}

}  // namespace
}  // namespace dmgr::test

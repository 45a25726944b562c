// Ways to other hosts, and what inspection says of addresses and file systems.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/host/far_account.h"
#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

hv1::ToHost Reach(const std::string& host, std::uint32_t port, bool own = true) {
  hv1::ToHost request;
  request.mutable_reach_ports()->set_timeout_ms(300);
  auto* target = request.mutable_reach_ports()->add_targets();
  target->set_host(host);
  target->set_port(port);
  target->set_own(own);
  return request;
}

// A bound port; listens or not.
class BoundPort {
 public:
  explicit BoundPort(bool listens) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    REQUIRE(bind(fd_, any, size) == 0);
    if (listens) REQUIRE(listen(fd_, 8) == 0);
    REQUIRE(getsockname(fd_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~BoundPort() { close(fd_); }
  BoundPort(const BoundPort&) = delete;
  BoundPort& operator=(const BoundPort&) = delete;
  std::uint32_t port() const { return port_; }

 private:
  const int fd_;
  std::uint32_t port_ = 0;
};

TEST_CASE("a port is reached whether or not somebody listens") {
  TempRoot root;
  const BoundPort listens(true);
  const BoundPort refuses(false);
  FarProcess far(root);
  far.Begin("", 0);
  CHECK(far.Call(Reach("127.0.0.1", listens.port())).reach_ports().problems_size() == 0);
  CHECK(far.Call(Reach("127.0.0.1", refuses.port())).reach_ports().problems_size() == 0);
}

TEST_CASE("what does not answer, and where no way leads") {
  TempRoot root;
  FarProcess far(root);
  far.Begin("", 0);
  // No address of this range is anybody's, and none may be sent to.
  const auto none = far.Call(Reach("255.255.255.255", 8261)).reach_ports();
  REQUIRE(none.problems_size() == 1);
  CHECK(none.problems(0).kind() == hv1::PortProblem::KIND_NO_WAY);
  CHECK_FALSE(none.problems(0).text().empty());
  CHECK(none.problems(0).target().port() == 8261);
}

TEST_CASE("names are resolved as the host does") {
  TempRoot root;
  root.AddProgram("getent", R"(
    case "$2" in
      h1) printf '127.0.0.1       STREAM h1\n127.0.0.1       DGRAM\n' ;;
      *) exit 2 ;;
    esac)");
  FarProcess far(root);
  far.Begin("", 0);
  const BoundPort listens(true);
  CHECK(far.Call(Reach("h1", listens.port())).reach_ports().problems_size() == 0);
  // What leads back is not the other host.
  const auto back = far.Call(Reach("h1", listens.port(), /*own=*/false)).reach_ports();
  REQUIRE(back.problems_size() == 1);
  CHECK(back.problems(0).kind() == hv1::PortProblem::KIND_LEADS_BACK);
  const auto unknown = far.Call(Reach("h2", 8261)).reach_ports();
  REQUIRE(unknown.problems_size() == 1);
  CHECK(unknown.problems(0).kind() == hv1::PortProblem::KIND_NAME_UNKNOWN);
  for (const auto& [host, port] : std::vector<std::pair<std::string, std::uint32_t>>{
           {"-s", 8261}, {"h1", 0}, {"h1", 65536}, {std::string(300, 'h'), 1}}) {
    CAPTURE(host, port);
    CHECK(far.Call(Reach(host, port)).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
  }
}

hv1::PathState LookAt(FarProcess& far, const std::string& path, const std::string& hash = "") {
  hv1::ToHost request;
  request.mutable_inspect()->add_paths(path);
  if (!hash.empty()) request.mutable_inspect()->add_release_hashes(hash);
  return far.Call(request).inspect().paths(0);
}

TEST_CASE("inspection tells which addresses are not the host's") {
  TempRoot root;
  FarProcess far(root);
  far.Begin("", 0);
  hv1::ToHost request;
  for (const char* address : {"127.0.0.1", "192.0.2.1", "0.0.0.0"}) {
    request.mutable_inspect()->add_listen_addresses(address);
  }
  const auto reply = far.Call(request).inspect();
  REQUIRE(reply.foreign_addresses_size() == 1);
  CHECK(reply.foreign_addresses(0) == "192.0.2.1");
}

TEST_CASE("inspection tells where a way ends") {
  TempRoot root;
  fs::create_directories(root / "data/deploy");
  fs::create_directories(root / "home/tidb");
  fs::create_symlink("/data/deploy", root / "home/tidb/deploy");
  REQUIRE(lchown((root / "home/tidb/deploy").c_str(), 4201, 4201) == 0);
  root.Write("data/file", "x");
  FarProcess far(root);
  far.Begin("", 0);
  for (const char* path : {"/home/tidb/deploy", "/home/tidb/deploy/a", "/home/tidb/deploy/a/b"}) {
    CAPTURE(path);
    const auto state = LookAt(far, path);
    CHECK(state.blocked_by() == "/home/tidb/deploy");
    CHECK(state.link_target() == "/data/deploy");
  }
  const auto below_file = LookAt(far, "/data/file/a/b");
  CHECK(below_file.blocked_by() == "/data/file");
  CHECK(below_file.link_target().empty());
  CHECK(LookAt(far, "/data/deploy/new/dir").blocked_by().empty());
}

TEST_CASE("inspection tells of file systems, and of the releases near a path") {
  TempRoot root;
  const std::string hash(64, 'a');
  root.Write(".dmgr/releases/" + hash + "/.complete", "x");
  fs::create_directories(root / "disk");
  root.Mount("disk", 8U << 20);
  FarProcess far(root);
  far.Begin("", 0);
  REQUIRE(chown((root / "disk").c_str(), 4201, 4201) == 0);
  const auto state = LookAt(far, "/disk/deploy/x", hash);
  CHECK(state.root_only_parent() == "/");
  CHECK(state.file_system().device() != state.store_file_system().device());
  CHECK(state.file_system().free_bytes() <= (8U << 20));
  CHECK(state.file_system().free_inodes() > 0);
  CHECK_FALSE(state.file_system().no_exec());
  REQUIRE(state.stored_releases_size() == 1);
  CHECK(state.stored_releases(0) == hash);
  CHECK(LookAt(far, "/disk/deploy/x", std::string(64, 'b')).stored_releases_size() == 0);
}

TEST_CASE("a user that is there keeps its group, and needs no home") {
  TempRoot root;
  AddAccountPrograms(root);
  root.Write("etc/passwd",
             root.Read("etc/passwd") + "svc.dm:x:5002:100::/nonexistent:/bin/false\n");
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  hv1::ToHost request = Ensure("svc.dm", kKeyA);
  request.mutable_ensure_account()->set_create(false);
  request.mutable_ensure_account()->clear_group();
  const auto reply = far.Call(request);
  INFO(reply.failure().text());
  REQUIRE(reply.has_ensure_account());
  CHECK_FALSE(reply.ensure_account().created_user());
  CHECK_FALSE(reply.ensure_account().created_group());
  CHECK_FALSE(root.Exists("nonexistent"));
}

}  // namespace
}  // namespace dmgr::test

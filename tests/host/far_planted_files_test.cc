// Files that a user could have put where dmgr-host reads.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kPlanter = 5001;

TEST_CASE("a file of others that a user has given a name in a folder of its own is not read") {
  TempRoot root;
  root.Write("etc/shadow", "secret\n", 0600);
  fs::create_directories(root / "home/tidb/log");
  REQUIRE(chown((root / "home/tidb/log").c_str(), kPlanter, kPlanter) == 0);
  const std::string log = "/home/tidb/log/x.log";
  SECTION("root's, by a hard link") {
    fs::create_hard_link(root / "etc/shadow", root / log.substr(1));
  }
  SECTION("another user's") {
    root.Write(log.substr(1), "secret\n", 0600);
    REQUIRE(chown((root / log.substr(1)).c_str(), kPlanter + 1, kPlanter + 1) == 0);
  }
  SECTION("a pipe that nobody writes to") {
    REQUIRE(mkfifo((root / log.substr(1)).c_str(), 0600) == 0);
  }
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  hv1::ToHost tail;
  tail.mutable_read_logs()->add_paths(log);
  tail.mutable_read_logs()->set_lines(5);
  CHECK(far.Call(tail).log_text().text().empty());
  hv1::ToHost fresh;
  auto* source = fresh.mutable_read_new_logs()->add_sources();
  source->set_unit("dm.service");
  source->set_since_us(1);
  source->add_files()->set_path(log);
  fresh.mutable_read_new_logs()->set_max_bytes(100);
  CHECK(far.Call(fresh).new_logs().logs_size() == 0);
  hv1::ToHost files;
  files.mutable_read_files()->add_paths(log);
  CHECK(far.Call(files).SerializeAsString().find("secret") == std::string::npos);
}

TEST_CASE("a log that the service's user or root has written is read") {
  TempRoot root;
  fs::create_directories(root / "home/tidb/log");
  REQUIRE(chown((root / "home/tidb/log").c_str(), kPlanter, kPlanter) == 0);
  root.Write("home/tidb/log/x.log", "line\n", 0600);
  SECTION("root's") {}
  SECTION("the user's") {
    REQUIRE(chown((root / "home/tidb/log/x.log").c_str(), kPlanter, kPlanter) == 0);
  }
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  hv1::ToHost tail;
  tail.mutable_read_logs()->add_paths("/home/tidb/log/x.log");
  tail.mutable_read_logs()->set_lines(5);
  CHECK(far.Call(tail).log_text().text().find("line") != std::string::npos);
}

}  // namespace
}  // namespace dmgr::test

// dmgrd's own backup as a program: taken while it works, and put into nothing.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/files.h"
#include "common/ids.h"
#include "tests/rpc/fixture.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

Result RunWith(const fs::path& config, std::vector<std::string> args) {
  args.insert(args.begin(), {ProgramDir() / "dmgrd", "--config", config});
  return Run({.args = args}, std::chrono::seconds(180));
}

Result BackUpTo(const TestDaemon& daemon, const fs::path& file,
                const std::vector<std::string>& more = {}) {
  std::vector<std::string> args = {"--backup", file};
  args.insert(args.end(), more.begin(), more.end());
  return RunWith(daemon.dir() / "dmgrd.toml", args);
}

// The data folder as on a machine that has the key and nothing else.
void LoseAllButKey(const TestDaemon& daemon) {
  const fs::path data = daemon.dir() / "data";
  const std::string key = Contents(data / "master.key");
  fs::remove_all(data);
  fs::create_directory(data);
  fs::permissions(data, fs::perms(0711));
  REQUIRE(WriteNewFile(data / "master.key", key, 0600).ok());
}

TEST_CASE("a backup that was taken while dmgrd works makes it anew of nothing",
          "[rpc][daemon][backup]") {
  TestDaemon daemon;
  daemon.LogIn();
  const std::string token = daemon.Token();
  REQUIRE(daemon.Ctl({"user", "create", "carol", "--role", "viewer"}, "a password of hers\n")
              .exit_code == 0);
  const fs::path file = daemon.dir() / "own.backup";
  std::ofstream(file.string() + ".tmp") << "DMGRSELF of one that was cut off";
  const Result taken = BackUpTo(daemon, file);
  INFO(taken.out << taken.err);
  REQUIRE(taken.exit_code == 0);
  CHECK_THAT(taken.out, Contains("0 clusters") && Contains("which is not in it"));
  CHECK_FALSE(fs::exists(file.string() + ".tmp"));
  struct stat info = {};
  REQUIRE(stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  const std::string sealed = Contents(file);
  CHECK(sealed.find("carol") == std::string::npos);
  CHECK(sealed.find(Contents(daemon.dir() / "data/master.key")) == std::string::npos);

  INFO("one that is there stays");
  const Result again = BackUpTo(daemon, file);
  CHECK(again.exit_code == 1);
  CHECK_THAT(again.err, Contains("is there") && Contains("--force"));
  CHECK(Contents(file) == sealed);
  CHECK(BackUpTo(daemon, file, {"--force"}).exit_code == 0);
  CHECK(Contents(file) != sealed);

  const fs::path config = daemon.dir() / "dmgrd.toml";
  INFO("not beside a dmgrd that runs, nor over what there is");
  CHECK(RunWith(config, {"--restore", file}).exit_code == 1);
  CHECK(HealthOf(daemon.address()) == 1);
  daemon.Stop();
  const Result full = RunWith(config, {"--restore", file});
  CHECK(full.exit_code == 1);
  CHECK_THAT(full.err, Contains("empty database only"));

  LoseAllButKey(daemon);
  const Result restored = RunWith(config, {"--restore", file});
  INFO(restored.out << restored.err);
  REQUIRE(restored.exit_code == 0);
  CHECK_THAT(restored.out, Contains("dmgrd can be started"));
  daemon.Start();
  CHECK_FALSE(
      RawCall(daemon.address(), "dmgr.v1.AuthService/WhoAmI", "", "Bearer " + token).status.ok());
  daemon.LogIn();
  CHECK_THAT(daemon.Ctl({"user", "list"}).out, Contains("carol"));
  const Result verified = daemon.Ctl({"audit", "verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.exit_code == 0);
}

TEST_CASE("a backup is of no use without its key, or when it was changed",
          "[rpc][daemon][backup]") {
  TestDaemon daemon;
  const fs::path file = daemon.dir() / "own.backup";
  REQUIRE(BackUpTo(daemon, file).exit_code == 0);
  daemon.Stop();
  const fs::path config = daemon.dir() / "dmgrd.toml";
  const fs::path key = daemon.dir() / "data/master.key";
  const std::string right = Contents(key);
  LoseAllButKey(daemon);
  const auto refused = [&](const fs::path& backup, const char* why) {
    const Result result = RunWith(config, {"--restore", backup});
    INFO(result.out << result.err);
    CHECK(result.exit_code != 0);
    CHECK_THAT(result.err, Contains(why));
    CHECK_FALSE(fs::exists(daemon.dir() / "data/postgresql"));
    CHECK_FALSE(fs::exists(daemon.dir() / "data/high_water"));
  };
  fs::remove(key);
  refused(file, "is not there");
  REQUIRE(WriteNewFile(key, RandomBytes(32), 0600).ok());
  refused(file, "was sealed with the master key of id");
  fs::remove(key);
  REQUIRE(WriteNewFile(key, right, 0600).ok());
  const std::string sealed = Contents(file);
  const fs::path cut = daemon.dir() / "cut.backup";
  std::ofstream(cut, std::ios::binary) << sealed.substr(0, sealed.size() - 1);
  refused(cut, "cut off");
  CHECK(RunWith(config, {"--restore", file}).exit_code == 0);
  CHECK(RunWith(config, {"--restore", file, "--backup", cut}).exit_code == 2);
}

}  // namespace
}  // namespace dmgr::testing

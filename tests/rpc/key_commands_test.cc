// The master key of a dmgrd as a program: where it comes from, its change, its loss.
#include <sys/stat.h>

#include <filesystem>

#include "common/files.h"
#include "common/ids.h"
#include "tests/rpc/fixture.h"
#include "tests/support/files.h"
#include "tests/support/postgres.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

Result RunOnce(const TestDaemon& daemon, const std::vector<std::string>& args,
               const std::map<std::string, std::string>& env = {}) {
  Command command{.args = {ProgramDir() / "dmgrd", "--config", daemon.dir() / "dmgrd.toml"},
                  .env = env};
  command.args.insert(command.args.end(), args.begin(), args.end());
  return Run(command, std::chrono::seconds(120));
}

std::string StartError(TestDaemon& daemon) {
  try {
    daemon.Start();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  daemon.Stop();
  return "it serves";
}

std::string IdOfRecord(const TestDaemon& daemon) {
  return test::Sql(daemon.dsn(), "SELECT key_id FROM seal_key");
}

void CheckAudit(const TestDaemon& daemon) {
  const Result verified = daemon.Ctl({"audit", "verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.exit_code == 0);
}

TEST_CASE("the key of the environment is in no environment after that", "[rpc][daemon][key]") {
  const std::string hex = HexEncode(RandomBytes(32));
  TestDaemon daemon({.env = {{"DMGR_MASTER_KEY", hex}}});
  CHECK_FALSE(fs::exists(daemon.dir() / "data/master.key"));
  // dmgrd, and the PostgreSQL that it has started.
  int seen = 0;
  for (const auto& process : fs::directory_iterator("/proc")) {
    const auto environment = ReadFile(process.path() / "environ");
    if (!environment.ok()) continue;
    ++seen;
    INFO(process.path());
    CHECK(environment->find(hex) == std::string::npos);
  }
  CHECK(seen > 3);
  CHECK_THAT(daemon.Log(), !Catch::Contains(hex));
  daemon.Stop();
  const Result other = RunOnce(daemon, {}, {{"DMGR_MASTER_KEY", std::string(64, '0')}});
  CHECK(other.exit_code == 1);
  CHECK_THAT(other.err, Catch::Contains("is not the one that the database was sealed with") &&
                            Catch::Contains("DMGR_MASTER_KEY"));
}

TEST_CASE("one command changes the key, also after it was cut off at its end",
          "[rpc][daemon][key]") {
  TestDaemon daemon;
  const fs::path key = daemon.dir() / "data/master.key";
  daemon.LogIn();
  const std::string former_id = IdOfRecord(daemon);
  const Result busy = RunOnce(daemon, {"--rotate-master-key"});
  CHECK(busy.exit_code == 1);
  daemon.Stop();
  const std::string former = Contents(key);

  const Result rotated = RunOnce(daemon, {"--rotate-master-key"});
  INFO(rotated.out << rotated.err);
  REQUIRE(rotated.exit_code == 0);
  CHECK_THAT(rotated.out, Catch::Contains(former_id));
  const std::string next = Contents(key);
  CHECK(next != former);
  const fs::path kept = key.string() + "." + former_id;
  CHECK(Contents(kept) == former);
  for (const fs::path& file : {key, kept}) {
    struct stat found {};
    REQUIRE(stat(file.c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0600);
  }

  INFO("the database has it, the file does not yet");
  fs::rename(key, key.string() + ".new");
  fs::copy_file(kept, key);
  CHECK_THAT(StartError(daemon), Catch::Contains("--rotate-master-key again ends it"));
  const Result ended = RunOnce(daemon, {"--rotate-master-key"});
  INFO(ended.out << ended.err);
  CHECK(ended.exit_code == 0);
  CHECK(Contents(key) == next);
  CHECK_FALSE(fs::exists(key.string() + ".new"));

  daemon.Start();
  CHECK(IdOfRecord(daemon) != former_id);
  CHECK(daemon.Ctl({"cluster", "list"}).exit_code == 0);
  CheckAudit(daemon);
}

TEST_CASE("a lost key is given up by a word, and not by mistake", "[rpc][daemon][key]") {
  TestDaemon daemon;
  const fs::path key = daemon.dir() / "data/master.key";
  daemon.LogIn();
  daemon.Stop();
  const Result kept = RunOnce(daemon, {"--forget-secrets"});
  CHECK(kept.exit_code == 1);
  CHECK_THAT(kept.err, Catch::Contains("there is nothing to give up"));
  fs::remove(key);
  CHECK_THAT(StartError(daemon),
             Catch::Contains("is not there") && Catch::Contains("--forget-secrets"));
  const Result forgotten = RunOnce(daemon, {"--forget-secrets"});
  INFO(forgotten.out << forgotten.err);
  REQUIRE(forgotten.exit_code == 0);
  daemon.Start();
  CheckAudit(daemon);
  const Result listed = daemon.Ctl({"audit", "list"});
  CHECK_THAT(listed.out, Catch::Contains("--forget-secrets"));
  CHECK_THAT(daemon.Ctl({"audit", "verify"}).out, Catch::Contains("was given up"));
}

}  // namespace
}  // namespace dmgr::testing

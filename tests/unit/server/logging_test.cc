// dmgrd's log.
#include "server/logging.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/files.h"
#include "tests/support/temp_dir.h"

namespace dmgr {
namespace {

// A log in a folder of its own; spdlog's default logger is as before at the end.
class Log {
 public:
  explicit Log(bool json = false) {
    config_.log_json = json;
    config_.log_file = path();
    REQUIRE(SetUpLogging(config_).ok());
  }
  ~Log() { spdlog::set_default_logger(before_); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  std::string path() const { return folder_ / "dmgrd.log"; }
  std::string Text() const { return ReadFile(path()).value(); }
  unsigned Mode() const {
    struct stat file = {};
    REQUIRE(stat(path().c_str(), &file) == 0);
    return file.st_mode & 07777U;
  }

 private:
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  test::TempDir folder_;
  Config config_;
};

std::ptrdiff_t Lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

constexpr char kForged[] = "login by x\n2026-01-01 info login by root: OK \x1b[2K\xc2\x9b\x9b\x7f";

bool HasControl(std::string text) {
  text.pop_back();  // The line's own end.
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; }) ||
         text.find("\xc2\x9b") != std::string::npos;
}

TEST_CASE("whatever a message holds, it is one line without control characters", "[log]") {
  const bool json = GENERATE(false, true);
  const Log log(json);
  spdlog::info("{}", kForged);
  const std::string text = log.Text();
  CHECK(Lines(text) == 1);
  CHECK_FALSE(HasControl(text));
  CHECK(text.find(R"(login by x\n2026)") != std::string::npos);
  if (!json) return;
  const std::string message = nlohmann::json::parse(text)["message"];
  CHECK(message.starts_with("login by x\n2026"));
}

TEST_CASE("one message does not fill the disk", "[log]") {
  const Log log(GENERATE(false, true));
  spdlog::error("{}", std::string(4U << 20, 'x'));
  CHECK(log.Text().size() < 10000);
}

TEST_CASE("the log is not for everybody, and goes on in a new file when it is told", "[log]") {
  const auto old_mask = umask(GENERATE(022, 077));
  const Log log;
  umask(old_mask);
  spdlog::info("one");
  CHECK(log.Mode() == 0640);
  std::filesystem::rename(log.path(), log.path() + ".1");
  spdlog::info("two");
  ReopenLog();
  spdlog::info("three");
  CHECK(Lines(ReadFile(log.path() + ".1").value()) == 2);
  CHECK(Lines(log.Text()) == 1);
  CHECK(log.Mode() == 0640);
}

TEST_CASE("a log that cannot be opened again stays where it is, and says so", "[log]") {
  const Log log;
  std::filesystem::rename(log.path(), log.path() + ".1");
  std::filesystem::create_directory(log.path());
  ReopenLog();
  CHECK(ReadFile(log.path() + ".1").value().find("stays in the old file") != std::string::npos);
  std::filesystem::remove(log.path());
}

TEST_CASE("a log that cannot be opened is an error that names it", "[log]") {
  Config config;
  config.log_file = "/nowhere/dmgrd.log";
  CHECK(SetUpLogging(config).message().find("/nowhere/dmgrd.log") != std::string::npos);
}

TEST_CASE("level and format change while it is written", "[log]") {
  const Log log;
  spdlog::debug("unseen");
  Config config;
  config.log_level = "debug";
  config.log_json = true;
  ChangeLog(config);
  spdlog::debug("seen");
  spdlog::default_logger()->flush();
  const std::string text = log.Text();
  CHECK(Lines(text) == 1);
  CHECK(nlohmann::json::parse(text)["message"] == "seen");
}

}  // namespace
}  // namespace dmgr

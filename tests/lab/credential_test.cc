// The master key as systemd hands it over: of a unit's LoadCredential=, not of a file of ours.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/lab/site.h"
#include "tests/support/postgres.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

constexpr char kKeyUnit[] = "dmgr-key-test.service";
// What no other program is told to sleep.
constexpr char kKeySleep[] = "86412.25";

// The process of this machine that the unit is.
fs::path ProcessOfUnit() {
  const std::string wanted = fmt::format("/bin/sleep{0}{1}{0}", '\0', kKeySleep);
  for (const auto& process : fs::directory_iterator("/proc")) {
    std::ifstream file(process.path() / "cmdline", std::ios::binary);
    const std::string words{std::istreambuf_iterator<char>(file), {}};
    if (words == wanted) return process.path();
  }
  return {};
}

// A unit of a host's systemd that is given a key; it goes with the object. The hosts have none of
// dmgrd's libraries: dmgrd runs here, and is shown the credentials as the unit sees them.
class KeyUnit {
 public:
  explicit KeyUnit(Lab& lab, const std::string& user = "root") : lab_(lab) {
    lab_.Ssh("h1", fmt::format("printf '[Service]\\nType=exec\\nUser={}\\nLoadCredential="
                               "dmgrd-master-key:/etc/dmgr-key\\nExecStart=/bin/sleep {}\\n' "
                               ">/run/systemd/system/{} && systemctl daemon-reload",
                               user, kKeySleep, kKeyUnit));
    Renew();
  }
  ~KeyUnit() {
    lab_.Ssh("h1", fmt::format("systemctl stop {0}; rm -f /run/systemd/system/{0} /etc/dmgr-key; "
                               "systemctl daemon-reload",
                               kKeyUnit));
  }
  KeyUnit(const KeyUnit&) = delete;
  KeyUnit& operator=(const KeyUnit&) = delete;

  // Another key, for the unit's next start.
  void Renew() {
    lab_.Ssh("h1", "head -c 32 /dev/urandom >/etc/dmgr-key && chmod 600 /etc/dmgr-key");
    Restart();
  }
  // As at a boot: systemd hands the key over once more.
  void Restart() {
    lab_.Ssh("h1", fmt::format("systemctl restart {}", kKeyUnit));
    fs::path process;
    REQUIRE(Eventually([&] { return !(process = ProcessOfUnit()).empty(); }));
    fs::remove(dir_ / "now");
    fs::create_directory_symlink(process / "root/run/credentials" / kKeyUnit, dir_ / "now");
  }
  std::map<std::string, std::string> Environment() const {
    return {{"CREDENTIALS_DIRECTORY", dir_ / "now"}};
  }

 private:
  Lab& lab_;
  const test::TempDir dir_;
};

std::string RefusalOf(const std::function<void()>& start) {
  try {
    start();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "it serves";
}

TEST_CASE("dmgrd takes the key that systemd gives its unit, and no other after that",
          "[night][key]") {
  KeyUnit unit(Site::Get().lab());
  TestDaemon daemon({.env = unit.Environment()});
  CHECK_FALSE(fs::exists(daemon.dir() / "data/master.key"));
  daemon.LogIn();
  CHECK(daemon.Ctl({"cluster", "list"}).exit_code == 0);
  const auto key_id = [&] { return test::Sql(daemon.dsn(), "SELECT key_id FROM seal_key"); };
  const std::string id = key_id();
  CHECK_FALSE(id.empty());
  daemon.Stop();
  unit.Restart();
  daemon.Start();
  CHECK(key_id() == id);
  daemon.Stop();

  unit.Renew();
  CHECK_THAT(RefusalOf([&] { daemon.Start(); }),
             Catch::Contains("is not the one that the database was sealed with") &&
                 Catch::Contains("LoadCredential="));
}

TEST_CASE("a key that systemd has given to another user's unit is not dmgrd's", "[night][key]") {
  const KeyUnit unit(Site::Get().lab(), "nobody");
  CHECK_THAT(RefusalOf([&] { const TestDaemon daemon({.env = unit.Environment()}); }),
             Catch::Contains("dmgrd-master-key") && Catch::Contains("another may change it"));
}

}  // namespace
}  // namespace dmgr::testing

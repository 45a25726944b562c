// A machine that dmgrd reaches through another one only.
#include <fmt/format.h>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

// From this machine nothing gets to the address, as long as this lives.
class NoWay {
 public:
  explicit NoWay(std::string address) : address_(std::move(address)) { Route("add"); }
  ~NoWay() { Open(); }
  NoWay(const NoWay&) = delete;
  NoWay& operator=(const NoWay&) = delete;
  void Open() {
    if (!is_open_) Route("del");
    is_open_ = true;
  }

 private:
  void Route(const std::string& verb) {
    const auto result = Run({.args = {"/sbin/ip", "route", verb, "unreachable", address_ + "/32"}});
    if (result.exit_code != 0) throw std::runtime_error("ip route: " + result.err);
  }

  const std::string address_;
  bool is_open_ = false;
};

TEST_CASE("a host that is reached through another one only", "[lab][jump]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.lab().Up(4);
  site.PlaceAlertmanagerTemplates(site.lab().Root("h4"));
  const std::string jump = site.Address("h1");
  const std::string address = site.lab().Address("h4");
  const std::string key = site.lab().Key().string();
  const std::string fingerprint = [&] {
    const std::string said =
        site.lab().Ssh("h4", "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    const auto begin = said.find("SHA256:");
    return said.substr(begin, said.find(' ', begin) - begin);
  }();
  NoWay way(address);

  CHECK(site.Ctl({"machine", "add", address, "--key", key}).exit_code == 4);
  CHECK(site.Ctl({"machine", "add", address, "--key", key, "--via", "none"}).exit_code == 3);
  // Its key is looked at by the same way, before anything secret goes.
  const auto wrong = site.Ctl({"machine", "add", address, "--password", "--via", jump, "--yes"});
  CHECK(wrong.exit_code == 2);
  CHECK_THAT(wrong.err, Catch::Contains(fingerprint));
  const auto other = site.Ctl({"machine", "add", address, "--key", key, "--via", jump,
                               "--fingerprint", "SHA256:" + std::string(43, 'A')});
  CHECK(other.exit_code == 3);
  CHECK_THAT(other.err, Catch::Contains("shows the host key " + fingerprint));
  site.MustCtl(
      {"machine", "add", address, "--key", key, "--via", jump, "--fingerprint", fingerprint});
  CHECK(site.Json({"machine", "show", address})["machine"]["via"] == jump);
  CHECK_THAT(site.MustCtl({"machine", "list"}).out, Catch::Contains(address + ":22 via " + jump));
  site.MustCtl({"machine", "check", address});

  INFO("who others go through stays, and does not go through them");
  const auto removal = site.Ctl({"machine", "remove", jump, "--yes"});
  CHECK(removal.exit_code == 3);
  CHECK_THAT(removal.err, Catch::Contains("reached through machine " + jump + ": " + address));
  const auto circle = site.Ctl({"machine", "update", jump, "--via", address});
  CHECK(circle.exit_code == 3);
  CHECK_THAT(circle.err, Catch::Contains("leads through itself"));

  INFO("without a way for HTTP nothing is begun");
  const std::string file = site.WriteFile(
      "behind.yaml",
      fmt::format("master_servers:\n  - host: {0}\nworker_servers:\n  - host: {0}\n", address));
  const std::vector<std::string> deploy = {"cluster", "deploy", "behind", kVersion, file, "--yes"};
  const auto refused = site.Ctl(deploy);
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err,
             Catch::Contains("reached through a jump host") && Catch::Contains(address + ":8261"));
  CHECK_FALSE(site.Exists("behind"));

  INFO("with one a cluster lives there, though SSH goes through the jump host");
  way.Open();
  site.MustCtl(deploy);
  site.MustCtl({"cluster", "start", "behind"});
  CHECK(site.IsHealthy("behind"));
  CHECK_THAT(site.lab().Ssh("h4", "journalctl -u ssh -o cat --no-pager | grep Accepted"),
             Catch::Contains("from " + jump));
  site.MustCtl({"cluster", "destroy", "behind", "--yes"});

  INFO("and it may be reached directly from now on");
  site.MustCtl({"machine", "update", address, "--direct"});
  CHECK(site.Json({"machine", "show", address})["machine"]["via"] == "");
  site.MustCtl({"machine", "remove", address, "--yes"});
}

}  // namespace
}  // namespace dmgr::testing

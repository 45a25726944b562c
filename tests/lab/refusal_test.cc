// What is refused: with an exit code, a message that names the thing, what to do next, and with
// nothing changed, neither in the record nor on a host.
#include "tests/lab/refusal.h"

#include <fmt/format.h>

#include <optional>

namespace dmgr::testing {
namespace {

// Runs a command on a host whose key is not the one that is known.
std::string AnySsh(Site& site, const std::string& host, const std::string& command) {
  const Result result =
      Run({.args = {"/usr/bin/ssh", "-F", "/dev/null", "-i", site.lab().Key().string(), "-o",
                    "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
                    "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                    "root@" + site.Address(host), command}},
          std::chrono::seconds(60));
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return result.out;
}

// Somebody else's listener on a port, as long as this lives. A minimal host has sshd to listen
// with.
class ForeignListener {
 public:
  ForeignListener(Site* site, std::string host, int port)
      : site_(site), host_(std::move(host)), unit_(fmt::format("foreign-{}", port)) {
    site_->lab().Ssh(host_, fmt::format("systemd-run --quiet --unit={} /usr/sbin/sshd -D -p {} && "
                                        "until ss -Hltn sport = :{} | grep -q .; do sleep 0.05; "
                                        "done",
                                        unit_, port, port));
  }
  ~ForeignListener() {
    try {
      site_->lab().Ssh(host_, "systemctl stop " + unit_);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
  ForeignListener(const ForeignListener&) = delete;
  ForeignListener& operator=(const ForeignListener&) = delete;

 private:
  Site* site_;
  const std::string host_;
  const std::string unit_;
};

TEST_CASE("refused: a version that nobody uploaded", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const Unchanged unchanged(&site);
  const auto result = Deploy(site, site.WriteTopology(), "v9.9.9");
  CheckRefused(result, kRefused, {"v9.9.9"});
  CheckRemedy(result, "package upload");
  unchanged.Check();
}

TEST_CASE("refused: one port twice on a host", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const Unchanged unchanged(&site);
  const std::string host = site.Address("h1");
  const std::string file =
      site.WriteFile("twice.yaml", fmt::format("master_servers:\n  - host: {0}\n    port: 8262\n"
                                               "worker_servers:\n  - host: {0}\n    port: 8262\n",
                                               host));
  const auto result = Deploy(site, file);
  // With the line of the file that is to be mended.
  CheckRefused(result, kBadInput, {"8262", "twice.yaml:"});
  unchanged.Check();
}

TEST_CASE("refused: what another cluster holds", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const Unchanged unchanged(&site);
  const std::string file =
      site.WriteTopology({.deploy_dir = "/dm-other", .data_dir = "/dm-other-d"});
  CheckRefused(Deploy(site, file), kBadInput, {kDemo, "8261"});
  const auto taken =
      site.Ctl({"cluster", "deploy", kDemo, kVersion, site.WriteTopology(), "--yes"});
  CheckRefused(taken, kRefused, {kDemo, "exists"});
  CheckRemedy(taken, "destroy");
  unchanged.Check();
}

TEST_CASE("refused: a host that is not registered", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const Unchanged unchanged(&site);
  const std::string stranger = site.Address("h1") + "9";
  const std::string file = site.WriteFile(
      "stranger.yaml", fmt::format("master_servers:\n  - host: {}\nworker_servers:\n  - host: {}\n",
                                   stranger, site.Address("h1")));
  const auto result = Deploy(site, file);
  CheckRefused(result, kBadInput, {stranger, "machine add"});
  unchanged.Check();
}

TEST_CASE("refused: a wrong password, a wrong key, no sudo", "[lab][refusal]") {
  Site& site = Site::Get();
  Lab& lab = site.lab();
  lab.AddUser("h1",
              {.name = "asked", .password = "the right one", .sudo = Lab::Sudo::kWithPassword});
  lab.AddUser("h1", {.name = "plain", .password = "the right one"});
  const Unchanged unchanged(&site);
  const std::string host = site.Address("h1");
  const std::string known = site.WriteFile("known_hosts", lab.HostKey("h1") + "\n");
  const auto add_by_password = [&](const std::string& user, const std::string& input,
                                   bool sudo_too = false) {
    std::vector<std::string> args = {"machine", "add", host,         "--id",          "new",
                                     "--user",  user,  "--password", "--known-hosts", known};
    if (sudo_too) args.push_back("--sudo-password");
    return site.Ctl(args, input);
  };
  const auto wrong = add_by_password("asked", "the wrong one\n");
  CheckRefused(wrong, kRefused, {host, "asked"});
  CHECK(wrong.err.find("next: ") != std::string::npos);
  CHECK(wrong.err.find("the wrong one") == std::string::npos);
  const std::string key = (site.daemon().dir() / "other_key").string();
  std::filesystem::remove(key);
  Run({.args = {"/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key}});
  CheckRefused(site.Ctl({"machine", "add", host, "--id", "new", "--user", "root", "--key", key}),
               kRefused, {host, "root"});
  const auto no_sudo = add_by_password("plain", "the right one\n");
  CheckRefused(no_sudo, kRefused, {host, "plain", "sudo"});
  const auto bad_sudo = add_by_password("asked", "the right one\nnot for sudo\n", true);
  CheckRefused(bad_sudo, kRefused, {host, "sudo"});
  CHECK(bad_sudo.err.find("not for sudo") == std::string::npos);
  unchanged.Check();
  lab.Ssh("h1",
          "userdel -r asked 2>/dev/null; userdel -r plain 2>/dev/null; "
          "rm -f /etc/sudoers.d/dmgr-lab-asked");
}

TEST_CASE("refused: a host twice, and a host without a way in", "[lab][refusal]") {
  Site& site = Site::Get();
  const Unchanged unchanged(&site);
  const std::string host = site.Address("h1");
  CheckRefused(site.Ctl({"machine", "add", host, "--key", site.lab().Key().string()}), kRefused,
               {host, "registered"});
  // Under another name it is the same host.
  CheckRefused(
      site.Ctl({"machine", "add", host, "--id", "again", "--key", site.lab().Key().string()}),
      kRefused, {host});
  const auto no_credential = site.Ctl({"machine", "add", host, "--id", "again"});
  CheckRefused(no_credential, kBadInput, {host});
  CheckRemedy(no_credential, "--key");
  unchanged.Check();
}

TEST_CASE("refused: a host key that is not the expected one", "[lab][refusal]") {
  Site& site = Site::Get();
  const Unchanged unchanged(&site);
  const std::string host = site.Address("h1");
  const auto result =
      site.Ctl({"machine", "add", host, "--id", "new", "--key", site.lab().Key().string(),
                "--host-key", "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
  CheckRefused(result, kRefused, {host, "host key"});
  CheckRemedy(result, "ssh-keygen");
  unchanged.Check();
}

TEST_CASE("refused: a registered host whose key has changed", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string key = "/etc/ssh/ssh_host_ed25519_key";
  // A connection that dmgrd keeps for its next call ends with the old sshd, as it does with a host
  // that is installed anew.
  site.MustCtl({"machine", "check", site.Address("h3")});
  AnySsh(site, "h3",
         fmt::format("mkdir /root/keys && cp -p {0} {0}.pub /root/keys && rm {0} {0}.pub && "
                     "ssh-keygen -q -t ed25519 -N '' -f {0} && systemctl stop ssh && "
                     "for p in $(pgrep -x sshd | grep -vx $PPID); do kill $p 2>/dev/null; done; "
                     "systemctl start ssh",
                     key));
  {
    const Unchanged unchanged(&site);
    const auto result = Deploy(site, site.WriteTopology());
    CheckRefused(result, kRefused, {site.Address("h3"), "host key"});
    CheckRemedy(result, "machine update");
    const auto check = site.Ctl({"machine", "check", site.Address("h3")});
    CHECK(check.exit_code == 1);
    CHECK_THAT(check.out, Catch::Contains("failed") && Catch::Contains("host key"));
    unchanged.Check();
  }
  AnySsh(site, "h3",
         fmt::format("cp -p /root/keys/* /etc/ssh/ && rm -r /root/keys && "
                     "systemctl restart ssh"));
  CHECK(site.MustCtl({"machine", "check", site.Address("h3")}).exit_code == 0);
}

TEST_CASE("refused: a host that is down", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.lab().PowerCut("h2");
  {
    const Unchanged unchanged(&site, "h2");
    const auto deploy = Deploy(site, site.WriteTopology());
    CheckRefused(deploy, kUnreachable, {site.Address("h2")});
    CHECK(deploy.err.find("next: ") != std::string::npos);
    // h1 and h3 are fine: they are not mentioned.
    CHECK(deploy.err.find(site.Address("h1") + ":") == std::string::npos);
    CHECK(site.Ctl({"machine", "add", site.Address("h2"), "--id", "new", "--key",
                    site.lab().Key().string()})
              .exit_code == kUnreachable);
    unchanged.Check();
  }
  site.lab().Start("h2");
}

TEST_CASE("refused: a deploy to a port that is taken on the host", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const ForeignListener first(&site, "h1", 8261);
  const ForeignListener second(&site, "h2", 8291);
  const Unchanged unchanged(&site);
  const auto result = Deploy(site, site.WriteTopology());
  // Both at once, with who is there.
  CheckRefused(result, kRefused, {site.Address("h1"), "8261", site.Address("h2"), "8291", "sshd"});
  CHECK(result.err.find("next: ") != std::string::npos);
  unchanged.Check();
}

TEST_CASE("refused: a start on a port that is taken on the host", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  {
    const ForeignListener listener(&site, "h2", 8262);
    const Unchanged unchanged(&site);
    const auto result = site.Ctl({"cluster", "start", kDemo});
    CheckRefused(result, kRefused, {site.Address("h2"), "8262", "sshd", "dm-worker"});
    unchanged.Check();
    for (const auto& host : Site::Hosts()) {
      CHECK(site.lab().Ssh(host, "systemctl is-active dm-master-8261 || true") == "inactive\n");
    }
  }
  site.MustCtl({"cluster", "start", kDemo});
  CHECK(site.IsHealthy());
}

TEST_CASE("refused: directories that hold something else", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.lab().Ssh("h2",
                 "mkdir -p /dm-data/dm-worker-8262/data && touch /dm-data/dm-worker-8262/data/x");
  {
    const Unchanged unchanged(&site);
    CheckRefused(Deploy(site, site.WriteTopology()), kRefused,
                 {site.Address("h2"), "/dm-data/dm-worker-8262/data"});
    unchanged.Check();
  }
  site.lab().Ssh("h2", "rm -r /dm-data");
}

TEST_CASE("refused: a second operation on a busy cluster", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto detached = site.Ctl({"cluster", "restart", kDemo, "--yes", "--detach", "-o", "json"});
  // A host that does not answer any more keeps the first one busy.
  site.lab().FreezeSshd("h2");
  INFO(detached.out << detached.err);
  CHECK(detached.exit_code == 0);
  const std::string id = nlohmann::json::parse(detached.out)["operation"]["operation_id"];
  for (const std::vector<std::string>& args : {std::vector<std::string>{"cluster", "start", kDemo},
                                               {"cluster", "stop", kDemo, "--yes"},
                                               {"cluster", "destroy", kDemo, "--yes"}}) {
    const auto result = site.Ctl(args);
    CheckRefused(result, kRefused, {kDemo, id});
    CheckRemedy(result, id);
  }
  CHECK(site.Json({"cluster", "show", kDemo})["cluster"]["active_operation_id"] == id);
  site.lab().ThawSshd("h2");
  CHECK(site.Ctl({"operation", "watch", id}).exit_code == 0);
  CHECK(site.IsHealthy());
}

TEST_CASE("refused: no token, an ended one, and a server that is not there", "[lab][refusal]") {
  Site& site = Site::Get();
  const Unchanged unchanged(&site);
  Command command = site.daemon().CtlCommand({"cluster", "list"});
  command.env["XDG_CONFIG_HOME"] = (site.daemon().dir() / "nobody").string();
  auto result = Run(command);
  CheckRefused(result, kRefused, {"not logged in"});
  CheckRemedy(result, "dmgrctl login");
  command.env["DMGR_TOKEN"] = "dmgr_made_up";
  CheckRefused(Run(command), kRefused, {});
  command.env["DMGR_SERVER"] = "127.0.0.1:1";
  result = Run(command);
  CheckRefused(result, kUnreachable, {"127.0.0.1:1"});
  CheckRemedy(result, "--server");
  unchanged.Check();
}

}  // namespace
}  // namespace dmgr::testing

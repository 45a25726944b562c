// Hosts on which nobody gives dmgr root: the login runs all, by its own systemd, in its own home.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "tests/lab/program.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kLogin[] = "dm";
constexpr char kNextVersion[] = "v7.5.2";

// The site's hosts with a login that has nothing but a home, and a dmgrd that knows of no root.
class PlainHosts {
 public:
  PlainHosts() : site_(Site::Get()) {
    site_.EnsureNoCluster();
    site_.EnsurePackage(kNextVersion);
    daemon_.LogIn();
    for (const auto& host : Site::Hosts()) Prepare(host);
    for (const char* version : {kVersion, kNextVersion}) {
      const std::string dir =
          version == std::string(kVersion) ? "tarballs" : "tarballs-" + std::string(version);
      Must({"package", "build", "--components", site_.daemon().dir() / dir, "--version", version,
            "--output", daemon_.dir()});
      Must({"package", "upload", daemon_.dir() / fmt::format("dm-{}.tar.gz", version)});
    }
  }
  // The hosts are as they were: later tests compare them.
  ~PlainHosts() {
    try {
      // Those that a test has left without power.
      lab().Up(static_cast<int>(prepared_.size()));
      for (const auto& host : prepared_) {
        lab().Ssh(host,
                  fmt::format("loginctl disable-linger {0}; systemctl stop user@$(id -u {0}); "
                              "userdel -r {0}; rm -r /etc/systemd/system/user@.service.d; "
                              "systemctl daemon-reload",
                              kLogin));
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "hosts without root: %s\n", error.what());
    }
  }
  PlainHosts(const PlainHosts&) = delete;
  PlainHosts& operator=(const PlainHosts&) = delete;

  // Gives a host the login.
  void Prepare(const std::string& host) {
    prepared_.push_back(host);
    lab().AddUser(host, {.name = kLogin, .public_key = lab().Key().string() + ".pub"});
    // The lab's hosts have no pam_systemd, which says this elsewhere.
    lab().Ssh(host,
              "mkdir -p /etc/systemd/system/user@.service.d && printf "
              "'[Service]\\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\\n' "
              "> /etc/systemd/system/user@.service.d/runtime-dir.conf && "
              "systemctl daemon-reload");
  }

  Site& site() { return site_; }
  Lab& lab() { return site_.lab(); }
  Result Ctl(const std::vector<std::string>& args) { return daemon_.Ctl(args); }
  Result Must(const std::vector<std::string>& args) {
    Result result = Ctl(args);
    INFO(fmt::format("{}", fmt::join(args, " ")) << "\n" << result.out << result.err);
    REQUIRE(result.exit_code == 0);
    return result;
  }
  std::vector<std::string> Adding(const std::string& host) {
    return {"machine",        "add",   lab().Address(host), "--user", kLogin,
            "--without-root", "--key", lab().Key().string()};
  }
  std::string Node(const std::string& host, int port) {
    return fmt::format("{}:{}", site_.Address(host), port);
  }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(daemon_.dir() / name) << text;
    return daemon_.dir() / name;
  }
  // As the login's own systemd is asked.
  std::string AsLogin(const std::string& host, const std::string& command) {
    return lab().Ssh(host, fmt::format("su {} -c 'export XDG_RUNTIME_DIR=/run/user/$(id -u); {}'",
                                       kLogin, command));
  }
  // What lies in the home, but for the fence, which outlives clusters.
  std::string Home(const std::string& host) {
    return lab().Ssh(host, fmt::format("cd /home/{} && find . -mindepth 1 -not -path './.dmgr' "
                                       "-not -path './.dmgr/fence*' | sort",
                                       kLogin));
  }
  bool IsHealthy() {
    return Eventually([&] {
      const auto status = Ctl({"cluster", "status", kDemo, "-o", "json"});
      return status.exit_code == 0 && json::parse(status.out)["healthy"] == true;
    });
  }
  // What it says when it is not clean.
  std::string Verified() {
    Result last;
    const bool clean = Eventually([&] {
      last = Ctl({"cluster", "verify", kDemo});
      return last.exit_code == 0;
    });
    return clean ? "" : last.out + last.err;
  }

 private:
  Site& site_;
  TestDaemon daemon_;
  // h1 and so on.
  std::vector<std::string> prepared_;
};

std::string TopologyText(PlainHosts& hosts, const std::string& mode) {
  std::string text = fmt::format("global:\n  user: {}\n{}  deploy_dir: deploy\n", kLogin, mode);
  text += "master_servers:\n";
  for (const auto& host : Site::Hosts()) {
    text += fmt::format("  - host: {}\n", hosts.site().Address(host));
  }
  text += "worker_servers:\n";
  for (const char* host : {"h1", "h2"}) {
    text += fmt::format("  - host: {}\n", hosts.site().Address(host));
  }
  for (const auto& [section, host] : {std::pair{"monitoring_servers", "h1"},
                                      {"node_exporter_servers", "h1"},
                                      {"grafana_servers", "h2"},
                                      {"alertmanager_servers", "h3"}}) {
    text += fmt::format("{}:\n  - host: {}\n", section, hosts.site().Address(host));
  }
  return text;
}

void Register(PlainHosts& hosts) {
  for (const auto& host : Site::Hosts()) {
    const Result early = hosts.Ctl(hosts.Adding(host));
    INFO(early.out << early.err);
    CHECK(early.exit_code != 0);
    CHECK_THAT(early.err, Catch::Contains(fmt::format("loginctl enable-linger {}", kLogin)));
    hosts.lab().Ssh(host, fmt::format("loginctl enable-linger {}", kLogin));
    REQUIRE(Eventually([&] { return hosts.Ctl(hosts.Adding(host)).exit_code == 0; }));
  }
  const auto machine = hosts.site().Address("h1");
  CHECK_THAT(hosts.Must({"machine", "show", machine}).out, Catch::Contains("none"));
  CHECK_THAT(hosts.Must({"machine", "check", machine}).out, Catch::Contains("without root"));
  const Result other = hosts.Ctl({"machine", "update", machine, "--user", "nobody"});
  CHECK(other.exit_code != 0);
  CHECK_THAT(other.err, Catch::Contains("another login is another machine"));
}

void RefuseRoot(PlainHosts& hosts) {
  const std::string system = hosts.Write("system.yaml", TopologyText(hosts, ""));
  const auto refused = hosts.Ctl({"cluster", "deploy", kDemo, kVersion, system, "--yes"});
  CHECK(refused.exit_code != 0);
  CHECK_THAT(refused.err, Catch::Contains("systemd_mode \"user\""));
  // Where root alone may make something.
  const std::string elsewhere = hosts.Write(
      "elsewhere.yaml", fmt::format("global:\n  user: {}\n  systemd_mode: user\n  deploy_dir: "
                                    "/dm-elsewhere\nmaster_servers:\n  - host: {}\n",
                                    kLogin, hosts.site().Address("h1")));
  const auto outside = hosts.Ctl({"cluster", "deploy", kDemo, kVersion, elsewhere, "--yes"});
  CHECK(outside.exit_code != 0);
  CHECK_THAT(outside.err, Catch::Contains("cannot be made by dm: / belongs to root"));
}

TEST_CASE("a cluster without root on its hosts", "[lab][user]") {
  PlainHosts hosts;
  std::map<std::string, std::string> before;
  for (const auto& host : Site::Hosts()) before[host] = hosts.Home(host);
  Register(hosts);
  RefuseRoot(hosts);
  const std::string file = hosts.Write("user.yaml", TopologyText(hosts, "  systemd_mode: user\n"));
  hosts.Must({"cluster", "deploy", kDemo, kVersion, file, "--yes"});
  hosts.Must({"cluster", "start", kDemo});
  REQUIRE(hosts.IsHealthy());
  CHECK(hosts.Verified().empty());

  SECTION("all operations") {
    CHECK(hosts.AsLogin("h1", "systemctl --user is-active dm-master-8261") == "active\n");
    CHECK(hosts.lab().Ssh("h1", "ps -o user= -C dm-master") == "dm\n");
    CHECK(hosts.lab().Ssh("h1", "ls /etc/systemd/system | grep -c dm-master || true") == "0\n");
    const auto journal = hosts.Must({"cluster", "logs", kDemo, "--journal", "--role", "dm-master"});
    CHECK_THAT(journal.out, Catch::Contains("dm-master service"));
    CHECK_THAT(hosts.Must({"cluster", "exec", kDemo, "--", "id", "-un"}).out,
               Catch::Contains(kLogin));
    // No setting of the kernel is the login's to change.
    CHECK_THAT(hosts.Ctl({"cluster", "check", kDemo, "--apply", "--yes"}).err,
               Catch::Contains("nothing is left that can be set"));

    hosts.Must({"cluster", "restart", kDemo, "--role", "dm-worker", "--yes"});
    const std::string more = hosts.Write(
        "more.yaml", fmt::format("worker_servers:\n  - host: {}\n", hosts.site().Address("h3")));
    hosts.Must({"cluster", "scale-out", kDemo, more, "--yes"});
    REQUIRE(hosts.IsHealthy());
    hosts.Must({"cluster", "scale-in", kDemo, "--node", hosts.Node("h3", 8262), "--yes"});
    hosts.Must({"cluster", "reload", kDemo, "--yes"});
    const std::string worker = Program(hosts.site(), "dm-worker", "dm-worker-user");
    hosts.Must({"cluster", "patch", kDemo, worker, "--role", "dm-worker", "--yes"});
    hosts.Must({"cluster", "patch", kDemo, "--revert", "--yes"});
    hosts.Must({"cluster", "upgrade", kDemo, kNextVersion, "--yes"});
    REQUIRE(hosts.IsHealthy());
    CHECK(hosts.Verified().empty());

    hosts.AsLogin("h2", "rm ~/.config/systemd/user/dm-worker-8262.service");
    CHECK(hosts.Ctl({"cluster", "verify", kDemo}).exit_code != 0);
    hosts.Must({"cluster", "repair", kDemo, "--yes"});
    CHECK(hosts.Verified().empty());

    // What is enabled comes back with the host, where nobody logs in.
    hosts.Must({"cluster", "disable", kDemo, "--role", "dm-worker", "--yes"});
    hosts.lab().Reboot("h1");
    CHECK(Eventually([&] {
      return hosts.AsLogin("h1", "systemctl --user is-active dm-master-8261 || true") == "active\n";
    }));
    CHECK(hosts.AsLogin("h1", "systemctl --user is-active dm-worker-8262 || true") == "inactive\n");
    hosts.Must({"cluster", "enable", kDemo, "--yes"});
    hosts.Must({"cluster", "stop", kDemo, "--yes"});
    hosts.Must({"cluster", "start", kDemo});
    REQUIRE(hosts.IsHealthy());
  }
  SECTION("a start where root took the lingering back") {
    hosts.Must({"cluster", "stop", kDemo, "--yes"});
    hosts.lab().Ssh("h1", fmt::format("rm /var/lib/systemd/linger/{}", kLogin));
    const auto refused = hosts.Ctl({"cluster", "start", kDemo});
    CHECK(refused.exit_code != 0);
    CHECK_THAT(refused.err, Catch::Contains("loginctl enable-linger dm"));
    hosts.lab().Ssh("h1", fmt::format("loginctl enable-linger {}", kLogin));
  }
  SECTION("a dead host is left by force, and cleaned when it is back") {
    const auto machine = hosts.site().Address("h3");
    hosts.lab().PowerCut("h3");
    const std::vector<std::string> leave = {
        "cluster", "scale-in", kDemo, "--node", hosts.Node("h3", 8261), "--force", "--yes"};
    // Until DM has another leader, when it was the one that died.
    REQUIRE(Eventually([&] { return hosts.Ctl(leave).exit_code == 0; }, std::chrono::seconds(100)));
    hosts.lab().Start("h3");
    hosts.lab().Wait("h3");
    // It comes up, is no member any more, ends, and is started again by systemd.
    REQUIRE(Eventually([&] {
      return hosts.AsLogin("h3", "systemctl --user is-enabled dm-master-8261 || true") ==
             "enabled\n";
    }));
    const auto cleaned = hosts.Must({"machine", "clean", machine, "--yes"});
    CHECK_THAT(cleaned.out, Catch::Contains("dm-master-8261.service"));
    CHECK(hosts.AsLogin("h3", "systemctl --user is-active dm-master-8261 || true") == "inactive\n");
    // The store of releases is the cluster's, of which something is there still.
    const std::string files = hosts.Home("h3");
    CHECK(files.find("./deploy/dm-master-8261") == std::string::npos);
    CHECK(files.find("/dm-master-8261.service") == std::string::npos);
    CHECK(files.find("./deploy/alertmanager-9093/bin/alertmanager") != std::string::npos);
    const std::string back =
        hosts.Write("back.yaml", fmt::format("master_servers:\n  - host: {}\n", machine));
    hosts.Must({"cluster", "scale-out", kDemo, back, "--yes"});
    REQUIRE(hosts.IsHealthy());
    CHECK(hosts.Verified().empty());
  }
  SECTION("what a host has moves to another one, and back when that one is dead") {
    hosts.lab().Up(4);
    hosts.Prepare("h4");
    hosts.site().PlaceAlertmanagerTemplates(hosts.lab().Root("h4"));
    hosts.lab().Ssh("h4", fmt::format("loginctl enable-linger {}", kLogin));
    REQUIRE(Eventually([&] { return hosts.Ctl(hosts.Adding("h4")).exit_code == 0; }));
    const auto old = hosts.site().Address("h3");
    const auto other = hosts.lab().Address("h4");
    hosts.Must({"machine", "move", old, other, "--cluster", kDemo, "--yes"});
    REQUIRE(hosts.IsHealthy());
    CHECK(hosts.Verified().empty());
    CHECK(hosts.Home("h3") == before["h3"]);

    hosts.lab().PowerCut("h4");
    const std::vector<std::string> move = {"machine",   "move", other,     old,
                                           "--cluster", kDemo,  "--force", "--yes"};
    // Until DM has another leader, when it was the one that died.
    REQUIRE(Eventually([&] { return hosts.Ctl(move).exit_code == 0; }, std::chrono::seconds(100)));
    REQUIRE(hosts.IsHealthy());
    hosts.lab().Start("h4");
    hosts.lab().Wait("h4");
    hosts.Must({"machine", "clean", other, "--yes"});
    CHECK(hosts.Home("h4").find("deploy") == std::string::npos);
    CHECK(hosts.Home("h4").find(".service") == std::string::npos);
    CHECK(hosts.Verified().empty());
    hosts.Must({"machine", "remove", other, "--yes"});
  }

  hosts.Must({"cluster", "stop", kDemo, "--yes"});
  hosts.Must({"cluster", "destroy", kDemo, "--yes"});
  for (const auto& host : Site::Hosts()) {
    INFO(host);
    CHECK(hosts.Home(host) == before[host]);
    hosts.Must({"machine", "remove", hosts.site().Address(host), "--yes"});
  }
}

}  // namespace
}  // namespace dmgr::testing

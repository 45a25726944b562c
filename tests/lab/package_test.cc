// Debian's packages of dmgrd and dmgrctl: on a host that has nothing but them, and what becomes of
// its data.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/files.h"
#include "tests/support/lab.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kPackageVersion[] = "v7.5.1";
constexpr char kPassword[] = "correct horse battery";
constexpr char kWorkerUnit[] = "dm-worker-8262.service";
// apt of the machine on which the tests run finds what a host lacks; the hosts reach no mirror.
const std::vector<std::string> kApt = {"/usr/bin/apt-get",        "-qq", "-y",
                                       "--no-install-recommends", "-o",  "Debug::NoLocking=1"};

std::string MustRun(const Command& command) {
  const Result result = Run(command);
  if (result.exit_code == 0) return result.out;
  throw std::runtime_error(fmt::format("{}: {}{}", command.args.front(), result.out, result.err));
}

void MakePackages(const fs::path& output, int revision) {
  MustRun({.args = {DMGR_SOURCE_DIR "/deploy/package.sh", "--build-dir", DMGR_BINARY_DIR,
                    "--output", output, "--revision", std::to_string(revision)}});
}

std::vector<std::string> PackagesIn(const fs::path& dir) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (entry.path().extension() == ".deb") files.push_back(entry.path());
  }
  return files;
}

// h1 has the packages, h2 is a host that it deploys to.
class PackagedHost {
 public:
  static PackagedHost& Get() {
    static PackagedHost host;
    return host;
  }

  Lab& lab() { return lab_; }
  const test::TempDir& dir() const { return dir_; }
  std::string On(const std::string& command) const { return lab_.Ssh("h1", command); }
  std::string OnOther(const std::string& command) const { return lab_.Ssh("h2", command); }
  json Json(const std::string& command) const {
    return json::parse(On("dmgrctl " + command + " -o json"));
  }
  std::string MainProcess() const { return On("systemctl show -p MainPID --value dmgrd"); }
  // Copied to /root of the host.
  void Give(const fs::path& path) const {
    fs::copy(path, lab_.Root("h1") / "root" / path.filename(), fs::copy_options::recursive);
  }
  bool IsHealthy() const {
    return Eventually([&] { return Json("cluster status demo")["healthy"] == true; });
  }
  void EnsureDemo() const {
    const json list = Json("cluster list");
    for (const auto& cluster : list["clusters"]) {
      if (cluster["name"] == "demo" && IsHealthy()) return;
    }
    On("cd /root && dmgrctl cluster deploy demo v7.5.1 topology.yaml --yes");
    On("dmgrctl cluster start demo");
  }

 private:
  PackagedHost() : lab_("k" + std::to_string(::getpid()), 2) {
    MakePackages(dir_ / "debs", 1);
    FetchOthers(PackagesIn(dir_ / "debs"));
    Install();
    LogIn();
    GivePackageOfDm();
  }

  // The packages of Debian that h1 lacks, into debs/.
  void FetchOthers(const std::vector<std::string>& packages) const {
    const char* home = std::getenv("DMGR_CACHE");
    const fs::path cache = fs::path(home == nullptr ? "/var/cache/dmgr" : home) / "packages";
    fs::create_directories(cache / "partial");
    fs::create_directories(dir_ / "none/partial");
    const auto apt = [&](const std::string& archives, const std::string& option) {
      std::vector<std::string> args = kApt;
      args.insert(args.end(), {"-o", "Dir::Cache::archives=" + archives, "-o",
                               fmt::format("Dir::State::status={}/var/lib/dpkg/status",
                                           lab_.Root("h1").string()),
                               option, "install"});
      args.insert(args.end(), packages.begin(), packages.end());
      return MustRun({.args = std::move(args), .env = {{"DEBIAN_FRONTEND", "noninteractive"}}});
    };
    apt(cache, "--download-only");
    // Each line: 'URL' NAME SIZE HASH. The cache may hold older ones.
    std::istringstream lines(apt(dir_ / "none", "--print-uris"));
    std::string url, name;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      if (line.starts_with("'") && words >> url >> name && fs::exists(cache / name)) {
        fs::copy(cache / name, dir_ / ("debs/" + name));
      }
    }
  }

  // As README.md and deploy/README.md say.
  void Install() const {
    Give(dir_ / "debs");
    On("mkdir -p /etc/postgresql-common/createcluster.d && echo 'create_main_cluster = false' "
       "> /etc/postgresql-common/createcluster.d/dmgr.conf");
    std::ofstream(dir_ / "told") << On(
        "cd /root/debs && DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "
        "install -y --no-install-recommends ./*.deb");
  }

  // With the lines that the installation tells.
  void LogIn() const {
    std::istringstream told(Contents(dir_ / "told"));
    for (std::string line; std::getline(told, line);) {
      if (line.starts_with("  dmgrctl context")) On(line);
      if (line.starts_with("  dmgrctl login")) {
        On(fmt::format("printf '{0}\\n{0}\\n' | {1}", kPassword, line));
      }
    }
  }

  // In the warehouse, and a topology of h2 and the key to it in /root.
  void GivePackageOfDm() const {
    MustRun({.args = {DMGR_SOURCE_DIR "/tests/dmsim/make_tarballs.sh", DMGR_BINARY_DIR "/dmsim",
                      kPackageVersion, dir_ / "tarballs"},
             .directory = dir_.path()});
    std::ofstream(dir_ / "topology.yaml") << fmt::format(
        "global: {{user: tidb, deploy_dir: /dm-deploy, data_dir: /dm-data}}\n"
        "master_servers: [{{host: {0}}}]\nworker_servers: [{{host: {0}}}]\n",
        lab_.Address("h2"));
    std::ofstream(dir_ / "known") << lab_.HostKey("h2") << "\n" << lab_.HostKey("h1") << "\n";
    for (const fs::path& path : {fs::path(dir_ / "tarballs"), fs::path(dir_ / "topology.yaml"),
                                 fs::path(dir_ / "known"), lab_.Key()}) {
      Give(path);
    }
    On(
        fmt::format("cd /root && dmgrctl package build --components tarballs --version {0} && "
                    "dmgrctl package upload dm-{0}.tar.gz",
                    kPackageVersion));
    On(fmt::format("cd /root && dmgrctl machine add {} --key key --known-hosts known",
                   lab_.Address("h2")));
  }

  const test::TempDir dir_;
  Lab lab_;
};

// Its dm-worker does not start on h2 before Open().
class Gate {
 public:
  explicit Gate(const PackagedHost* host) : host_(host) {
    host_->OnOther(fmt::format(
        "mkdir -p /run/systemd/system/{0}.d && printf '[Service]\\nTimeoutStartSec=300\\n"
        "ExecStartPre=/bin/sh -c \"until [ -e /run/dmgr-gate ]; do sleep 0.1; done\"\\n' "
        "> /run/systemd/system/{0}.d/gate.conf && systemctl daemon-reload",
        kWorkerUnit));
  }
  ~Gate() {
    try {
      Open();
      host_->OnOther(
          fmt::format("rm -r /run/systemd/system/{}.d && systemctl daemon-reload", kWorkerUnit));
    } catch (const std::exception& error) {
      WARN(error.what());
    }
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void Open() const { host_->OnOther("touch /run/dmgr-gate"); }
  bool IsWaitedAt() const {
    return host_->OnOther(fmt::format("systemctl show -p SubState --value {}", kWorkerUnit)) ==
           "start-pre\n";
  }

 private:
  const PackagedHost* host_;
};

TEST_CASE("a host with the packages alone deploys to others", "[product][package]") {
  PackagedHost& host = PackagedHost::Get();
  INFO(Contents(host.dir() / "told"));
  CHECK(host.On("systemctl is-system-running") == "running\n");
  CHECK(host.On("ps -o user= -C dmgrd,postgres | sort -u") == "dmgr\n");
  CHECK(host.On("systemctl is-enabled dmgrd") == "enabled\n");
  CHECK_THAT(host.On("systemctl show -p StatusText --value dmgrd"),
             Catch::Contains("serves on 127.0.0.1:9527 (TLS)"));
  CHECK(host.On("stat -c '%U %a' /var/lib/dmgrd /var/lib/dmgrd/master.key "
                "/var/lib/dmgrd/tls/dmgrd.key") == "dmgr 711\ndmgr 600\ndmgr 600\n");
  // No right of root's is left to it.
  CHECK_THAT(host.On("grep CapEff /proc/$(systemctl show -p MainPID --value dmgrd)/status"),
             Catch::Contains("0000000000000000"));
  host.EnsureDemo();
  CHECK(host.IsHealthy());
  CHECK_THAT(host.On("dmgrctl cluster dmctl demo list-member"), Catch::Contains("memberID"));
  CHECK_THAT(host.On("zcat /usr/share/man/man1/dmgrctl-cluster-start.1.gz"),
             Catch::StartsWith(".TH"));
  CHECK(host.On("bash -c 'source /usr/share/bash-completion/completions/dmgrctl && "
                "COMP_WORDS=(dmgrctl machine rep) COMP_CWORD=2 && _dmgrctl && echo $COMPREPLY'") ==
        "replace\n");
}

TEST_CASE("dmgrd's own machine is a host like others", "[product][package]") {
  PackagedHost& host = PackagedHost::Get();
  const std::string address = host.lab().Address("h1");
  host.On(fmt::format("cd /root && dmgrctl machine add {} --key key --known-hosts known", address));
  std::ofstream(host.dir() / "own.yaml") << fmt::format(
      "global: {{user: tidb, deploy_dir: /dm-own, data_dir: /dm-own-data}}\n"
      "master_servers: [{{host: {0}}}]\n",
      address);
  host.Give(host.dir() / "own.yaml");
  host.On("dmgrctl cluster deploy own v7.5.1 /root/own.yaml --yes");
  host.On("dmgrctl cluster start own");
  // What dmgr keeps there is root's; what dmgrd keeps is not in it.
  CHECK(host.On("stat -c %U /var/lib/dmgr /var/lib/dmgrd") == "root\ndmgr\n");
  host.On("dmgrctl cluster destroy own --yes");
}

TEST_CASE("an operation goes on while the package is upgraded", "[product][package]") {
  PackagedHost& host = PackagedHost::Get();
  host.EnsureDemo();
  MakePackages(host.dir() / "next", 2);
  host.Give(host.dir() / "next");
  host.On("echo '# ours' >> /etc/dmgr/dmgrd.toml");
  const std::string process = host.MainProcess();
  const Gate gate(&host);
  const std::string id = host.Json(
      "cluster restart demo --role dm-worker --yes --detach")["operation"]["operation_id"];
  REQUIRE(Eventually([&] { return gate.IsWaitedAt(); }));

  host.On("dpkg -i /root/next/*.deb");
  CHECK(host.On("dpkg-query -W -f '${Version} ' dmgrd dmgrctl") == "0.1.0-2 0.1.0-2 ");
  CHECK(host.MainProcess() != process);
  CHECK(host.On("systemctl is-active dmgrd") == "active\n");
  CHECK(host.Json("operation show " + id)["operation"]["state"] == "OPERATION_STATE_RUNNING");
  gate.Open();
  host.On("dmgrctl operation wait " + id + " --timeout 2m");
  CHECK(host.Json("operation show " + id)["operation"]["state"] == "OPERATION_STATE_SUCCEEDED");
  CHECK(host.IsHealthy());
  CHECK(host.On("tail -n 1 /etc/dmgr/dmgrd.toml") == "# ours\n");
}

TEST_CASE("the same build gives the same packages", "[product][package]") {
  PackagedHost& host = PackagedHost::Get();
  MakePackages(host.dir() / "again", 1);
  for (const std::string& file : PackagesIn(host.dir() / "again")) {
    INFO(file);
    // Their bytes would say nothing.
    const bool is_same =
        Contents(file) == Contents(host.dir() / ("debs/" + fs::path(file).filename().string()));
    CHECK(is_same);
  }
}

// Last: the host has no dmgrd any more.
TEST_CASE("a removed package leaves its data, a purged one does not", "[product][package]") {
  PackagedHost& host = PackagedHost::Get();
  host.EnsureDemo();
  // What a link shows is not dmgrd's.
  host.On(
      "mkdir -p /root/others && touch /root/others/file && "
      "ln -sfn /root/others /var/lib/dmgrd/others");
  const std::string worker = host.OnOther("systemctl show -p MainPID --value dm-worker-8262");
  const std::string key = host.On("sha256sum < /var/lib/dmgrd/master.key");
  const std::string apt = "DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -y ";

  host.On(apt + "remove dmgrd");
  CHECK(host.On("systemctl is-active dmgrd || true") == "inactive\n");
  CHECK(host.On("ps -o pid= -u dmgr || true") == "");
  CHECK(host.On("sha256sum < /var/lib/dmgrd/master.key") == key);
  CHECK(host.On("ls /etc/dmgr") == "dmgrd.toml\n");

  host.On("dpkg -i /root/debs/dmgrd_*.deb");
  CHECK(host.IsHealthy());

  host.On(apt + "purge dmgrd");
  CHECK(host.On("ls -d /var/lib/dmgrd /var/log/dmgrd /etc/dmgr 2>/dev/null || true") == "");
  CHECK(host.On("ls /root/others") == "file\n");
  CHECK_THAT(host.On("id dmgr"), Catch::Contains("dmgr"));
  CHECK(host.On("systemctl is-system-running") == "running\n");
  // The clusters run on.
  CHECK(host.OnOther("systemctl show -p MainPID --value dm-worker-8262") == worker);
}

}  // namespace
}  // namespace dmgr::testing

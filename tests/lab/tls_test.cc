// TLS between the processes of a cluster on real hosts.
#include <fmt/format.h>

#include <string>

#include "common/error.h"
#include "common/files.h"
#include "server/certificates/cluster.h"
#include "server/dm/client.h"
#include "server/dm/master_client.h"
#include "tests/lab/migrating.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr char kMasterDir[] = "/dm-deploy/dm-master-8261";

// kDemo, with TLS unless told, running, and nothing else; gone at the end.
class SecureDemo {
 public:
  explicit SecureDemo(Site* site, bool enabled = true) : site_(site) {
    site_->EnsureNoCluster();
    const auto plain = ReadFile(site_->WriteTopology());
    REQUIRE(plain.ok());
    std::string text = *plain;
    const std::string global = "global:\n";
    text.replace(text.find(global), global.size(),
                 global + (enabled ? "  enable_tls: true\n" : ""));
    site_->MustCtl(
        {"cluster", "deploy", kDemo, kVersion, site_->WriteFile("secure.yaml", text), "--yes"});
    site_->MustCtl({"cluster", "start", kDemo});
  }
  ~SecureDemo() { site_->Ctl({"cluster", "destroy", kDemo, "--yes"}); }
  SecureDemo(const SecureDemo&) = delete;
  SecureDemo& operator=(const SecureDemo&) = delete;

 private:
  Site* const site_;
};

std::string OnDisk(Site& site, const std::string& host, const std::string& path) {
  const auto text = ReadFile(site.lab().Root(host).string() + path);
  INFO(host << path);
  REQUIRE(text.ok());
  return *text;
}

// What a dm-master shows to others.
dm::TlsMaterial OfMaster(Site& site, const std::string& host) {
  const std::string dir = std::string(kMasterDir) + "/tls/";
  return {.ca = OnDisk(site, host, dir + "ca.crt"),
          .certificate = OnDisk(site, host, dir + "dm-master.crt"),
          .key = OnDisk(site, host, dir + "dm-master.pem")};
}

std::string Master(Site& site, const std::string& host = "h1") {
  return fmt::format("{}:8261", site.Address(host));
}

bool Answers(const std::string& address, const dm::TlsMaterial& tls) {
  return dm::ProbeStatus(address, absl::Now() + absl::Seconds(5), {}, tls).ok();
}

bool AnswersCalls(const std::string& address, const dm::TlsMaterial& tls) {
  return dm::MasterClient({address}, tls)
      .ListSources({.deadline = absl::Now() + absl::Seconds(5), .cancelled = {}})
      .ok();
}

// Of a job, by Prometheus itself.
int TargetsUp(Site& site, const std::string& job) {
  const json targets = json::parse(
      HttpBody("http://" + site.Address("h1") + ":9090/api/v1/targets"), nullptr, false);
  if (targets.is_discarded()) return 0;
  int up = 0;
  for (const auto& target : targets["data"]["activeTargets"]) {
    if (target["labels"]["job"] == job && target["health"] == "up") ++up;
  }
  return up;
}

TEST_CASE("processes with certificates talk to dmgr, to each other, and to nobody else",
          "[lab][tls]") {
  Site& site = Site::Get();
  const SecureDemo demo(&site);
  REQUIRE(site.IsHealthy());

  INFO("where TiUP puts them, for their user");
  CHECK(site.lab().Ssh("h1", fmt::format("stat -c '%a %U' {}/tls/dm-master.pem", kMasterDir)) ==
        "600 tidb\n");
  CHECK_THAT(OnDisk(site, "h2", std::string(kMasterDir) + "/scripts/run_dm-master.sh"),
             Catch::Contains("https://" + site.Address("h2") + ":8291"));

  INFO("plain text, and certificates of another CA");
  const dm::TlsMaterial own = OfMaster(site, "h1");
  CHECK(Answers(Master(site), own));
  CHECK(AnswersCalls(Master(site), own));
  topology::Cluster other;
  other.name = "other";
  const auto foreign = certificates::MakeTls(other, absl::Now());
  REQUIRE(foreign.ok());
  dm::TlsMaterial stranger = own;
  stranger.certificate = foreign->secrets.own.certificate;
  stranger.key = foreign->secrets.own.key;
  for (const std::string& host : Site::Hosts()) {
    for (const dm::TlsMaterial& tls : {dm::TlsMaterial(), stranger}) {
      CHECK_FALSE(Answers(Master(site, host), tls));
      CHECK_FALSE(AnswersCalls(Master(site, host), tls));
      CHECK_FALSE(Answers(fmt::format("{}:8262", site.Address(host)), tls));
    }
  }
  CHECK(Answers(Master(site), own));

  INFO("Prometheus has a certificate of its own");
  CHECK(Eventually([&] { return TargetsUp(site, "dm_master") == 3; }, seconds(60)));
  CHECK(Eventually([&] { return TargetsUp(site, "dm_worker") == 3; }, seconds(60)));

  INFO("until when");
  CHECK(site.Status()["tls"]["issuer"] == "dmgr demo");
  CHECK_THAT(site.MustCtl({"cluster", "status", kDemo}).out,
             Catch::Contains("TLS: certificates of dmgr demo until "));
  INFO("dmctl");
  CHECK_THAT(site.MustCtl({"cluster", "dmctl", kDemo, "--", "list-member"}).out,
             Catch::Contains("\"stage\": \"free\""));
  INFO("all is as it should be, also the files");
  CHECK(site.Json({"cluster", "verify", kDemo})["matches"] == true);
}

TEST_CASE("a cluster with TLS migrates, grows, is repaired and goes", "[lab][tls]") {
  Site& site = Site::Get();
  {
    const SecureDemo demo(&site);
    const std::string password = site.WriteFile("tls.password", "pa55-of-the-shop\n");
    site.MustCtl({"target", "create", kDemo, "prod", "--host", "127.0.0.1", "--user", "root",
                  "--password-file", password, "--skip-checks"});
    site.MustCtl({"source", "create", kDemo, "--id", "s1", "--host", "127.0.0.1", "--user", "repl",
                  "--password-file", password, "--skip-checks", "--yes"});
    const std::string task = site.WriteFile(
        "secure-task.yaml",
        "name: shop\ntask-mode: all\ntarget: prod\nmysql-instances:\n  - source-id: s1\n");
    site.MustCtl({"task", "create", kDemo, task, "--yes"});
    CHECK(Eventually(
        [&] {
          return site.Json({"task", "show", kDemo, "shop"})["task"]["stage"] ==
                 "TASK_STAGE_RUNNING";
        },
        seconds(20)));

    INFO("who comes later has a certificate");
    const std::string more = site.WriteFile(
        "secure-more.yaml",
        fmt::format("master_servers:\n  - host: {0}\n    port: 8361\n    peer_port: 8391\n"
                    "worker_servers:\n  - host: {0}\n    port: 8362\n",
                    site.Address("h2")));
    site.MustCtl({"cluster", "scale-out", kDemo, more, "--yes"});
    CHECK(site.IsHealthy());
    const std::string joined = "/dm-deploy/dm-master-8361";
    CHECK_THAT(OnDisk(site, "h2", joined + "/tls/dm-master.crt"),
               Catch::Contains("BEGIN CERTIFICATE"));
    CHECK(Answers(site.Address("h2") + ":8361", OfMaster(site, "h1")));

    INFO("a restart of all, one by one");
    site.MustCtl({"cluster", "restart", kDemo, "--yes"});
    CHECK(site.IsHealthy());

    INFO("a certificate that was changed is seen, and put right");
    const std::string changed = std::string(kMasterDir) + "/tls/dm-master.crt";
    const std::string before = OnDisk(site, "h3", changed);
    site.lab().Ssh("h3", "echo >> " + changed);
    CHECK(site.Ctl({"cluster", "verify", kDemo}).exit_code == 1);
    site.MustCtl({"cluster", "repair", kDemo, "--yes"});
    CHECK(OnDisk(site, "h3", changed) == before);
    CHECK(site.IsHealthy());

    site.MustCtl({"cluster", "scale-in", kDemo, "--yes", "--node", site.Address("h2") + ":8361",
                  "--node", site.Address("h2") + ":8362"});
    CHECK(site.IsHealthy());
    CHECK(site.lab().Ssh("h2", "ls -d " + joined + " 2>/dev/null || true").empty());
    DropMigrations(site);
  }
  INFO("nothing is left");
  for (const std::string& host : Site::Hosts()) {
    CHECK(site.lab().Ssh(host, "find / -xdev -name dm-master.pem 2>/dev/null || true").empty());
  }
}

TEST_CASE("certificates and their CA are exchanged without a stop", "[lab][tls]") {
  Site& site = Site::Get();
  const SecureDemo demo(&site);
  REQUIRE(site.IsHealthy());
  const dm::TlsMaterial first = OfMaster(site, "h1");

  INFO("new certificates of the same CA");
  const auto before = Processes(site);
  site.MustCtl({"cluster", "tls", "rotate", kDemo, "--yes"});
  CHECK(site.IsHealthy());
  const dm::TlsMaterial second = OfMaster(site, "h1");
  CHECK(second.ca == first.ca);
  CHECK(second.certificate != first.certificate);
  const auto after = Processes(site);
  for (const auto& [process, pid] : before) {
    INFO(process);
    const bool shows_none = process.find("grafana") != std::string::npos ||
                            process.find("alertmanager") != std::string::npos;
    CHECK((after.at(process) == pid) == shows_none);
  }

  INFO("a new CA, after which the old one is not trusted any more");
  site.MustCtl({"cluster", "tls", "rotate", kDemo, "--new-ca", "--yes"});
  CHECK(site.IsHealthy());
  const dm::TlsMaterial third = OfMaster(site, "h1");
  CHECK(third.ca.find(first.ca) == std::string::npos);
  dm::TlsMaterial former = second;
  former.ca = third.ca;
  for (const std::string& host : Site::Hosts()) {
    CHECK(Answers(Master(site, host), third));
    CHECK_FALSE(Answers(Master(site, host), former));
  }
  CHECK(site.Json({"cluster", "verify", kDemo})["matches"] == true);
  CHECK(Eventually([&] { return TargetsUp(site, "dm_master") == 3; }, seconds(60)));
}

TEST_CASE("a running cluster begins to speak TLS and ceases to while its task stays",
          "[lab][tls]") {
  Site& site = Site::Get();
  const SecureDemo demo(&site, false);
  const std::string password = site.WriteFile("tls.password", "pa55-of-the-shop\n");
  site.MustCtl({"target", "create", kDemo, "prod", "--host", "127.0.0.1", "--user", "root",
                "--password-file", password, "--skip-checks"});
  site.MustCtl({"source", "create", kDemo, "--id", "s1", "--host", "127.0.0.1", "--user", "repl",
                "--password-file", password, "--skip-checks", "--yes"});
  const std::string task =
      site.WriteFile("switched-task.yaml",
                     "name: shop\ntask-mode: incremental\ntarget: prod\nmysql-instances:\n"
                     "  - {source-id: s1, meta: {binlog-name: bin.000001, binlog-pos: 4}}\n");
  site.MustCtl({"task", "create", kDemo, task, "--yes"});
  const auto runs = [&] {
    return Eventually(
        [&] {
          return site.Json({"task", "show", kDemo, "shop"})["task"]["stage"] ==
                 "TASK_STAGE_RUNNING";
        },
        seconds(20));
  };
  REQUIRE(runs());
  // A Prometheus looks at what was away once in fifteen seconds.
  const auto matches = [&] { return site.Ctl({"cluster", "verify", kDemo}).exit_code == 0; };
  const std::string key = std::string(kMasterDir) + "/tls/dm-master.pem";
  const std::string old_data = "ls -d /*/dm-master-8261/*.before-* 2>/dev/null || true";

  site.MustCtl({"cluster", "tls", "enable", kDemo, "--yes"});
  CHECK(site.IsHealthy());
  CHECK(runs());
  const dm::TlsMaterial own = OfMaster(site, "h1");
  for (const std::string& host : Site::Hosts()) {
    CHECK(Answers(Master(site, host), own));
    CHECK_FALSE(Answers(Master(site, host), dm::TlsMaterial()));
    CHECK(site.lab().Ssh(host, old_data).empty());
  }
  CHECK(site.Status()["tls"]["issuer"] == "dmgr demo");
  CHECK(Eventually([&] { return TargetsUp(site, "dm_master") == 3; }, seconds(60)));
  CHECK(Eventually(matches, seconds(60)));

  site.MustCtl({"cluster", "tls", "disable", kDemo, "--yes"});
  CHECK(site.IsHealthy());
  CHECK(runs());
  for (const std::string& host : Site::Hosts()) {
    CHECK(Answers(Master(site, host), dm::TlsMaterial()));
    CHECK(site.lab().Ssh(host, "ls " + key + " 2>/dev/null || true").empty());
  }
  CHECK(Eventually(matches, seconds(60)));
  DropMigrations(site);
}

}  // namespace
}  // namespace dmgr::testing

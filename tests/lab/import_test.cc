// A cluster that TiUP has laid on its hosts: taken over as it runs, used, given back.
#include <fmt/format.h>

#include <string>

#include "tests/lab/tiup_cluster.h"
#include "tests/support/files.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

constexpr char kForeign[] = "foreign";

// Which dm-worker has the source, as the status says.
std::string WorkerWith(Site& site, const std::string& source) {
  const json status = site.Status(kForeign);
  for (const auto& instance : status["instances"]) {
    if (instance["source"] == source) return instance["name"];
  }
  return "";
}

TEST_CASE("a cluster of TiUP is taken over as it runs, used and given back", "[lab][import]") {
  Site& site = Site::Get();
  TiupCluster tiup(&site);
  REQUIRE(HttpPost(tiup.master_url() + "/api/v1/sources", json{{"source",
                                                                {{"source_name", "old"},
                                                                 {"host", "127.0.0.1"},
                                                                 {"port", 3306},
                                                                 {"user", "u"},
                                                                 {"password", "p"}}}}
                                                              .dump()));
  const auto processes = tiup.Processes();
  const auto files = tiup.Files();

  site.MustCtl({"cluster", "import", kForeign, "--tiup", tiup.folder(), "--yes"});
  CHECK(site.IsHealthy(kForeign));
  CHECK(tiup.Processes() == processes);
  CHECK(tiup.Files() == files);
  CHECK(WorkerWith(site, "old") != "");
  const json shown = site.Json({"cluster", "show", kForeign})["cluster"];
  CHECK(shown["origin"] == "CLUSTER_ORIGIN_TIUP");
  CHECK(shown["state"] == "CLUSTER_STATE_UP");
  site.MustCtl({"cluster", "verify", kForeign});

  INFO("what would rewrite TiUP's files is refused");
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"cluster", "reload", kForeign, "--yes"},
                                             {"cluster", "repair", kForeign, "--yes"},
                                             {"cluster", "destroy", kForeign, "--yes"}}) {
    const Result refused = site.Ctl(command);
    INFO(fmt::format("{}", fmt::join(command, " ")));
    CHECK(refused.exit_code == 3);
    CHECK_THAT(refused.err, Catch::Contains("was laid on its hosts by TiUP") &&
                                Catch::Contains("cluster takeover foreign") &&
                                Catch::Contains("cluster release foreign"));
  }

  INFO("it restarts, stops and starts by its own units");
  site.MustCtl({"cluster", "restart", kForeign, "--yes"});
  CHECK(site.IsHealthy(kForeign));
  CHECK(tiup.Processes() != processes);
  site.MustCtl({"cluster", "stop", kForeign, "--yes"});
  site.MustCtl({"cluster", "start", kForeign});
  CHECK(site.IsHealthy(kForeign));
  CHECK(WorkerWith(site, "old") != "");
  CHECK(tiup.Files() == files);

  INFO("TiUP gets its own meta.yaml again");
  const auto running = tiup.Processes();
  const std::string released = tiup.folder() + "/released.yaml";
  site.MustCtl({"cluster", "release", kForeign, "--output", released, "--yes"});
  CHECK_FALSE(site.Exists(kForeign));
  CHECK(tiup.Processes() == running);
  CHECK(tiup.Files() == files);
  const std::string text = Contents(released);
  for (const char* line :
       {"user: dmtiup\n", "dm_version: v7.5.1\n", "name: tiup-worker-h3\n",
        "data_dir: /tiup-data/dm-master-28261\n", "log_dir: /tiup-deploy/dm-worker-28262/log\n"}) {
    CHECK_THAT(text, Catch::Contains(line));
  }
  site.MustCtl({"cluster", "import", kForeign, "--tiup", released, "--yes"});
  CHECK(site.IsHealthy(kForeign));
  CHECK(tiup.Processes() == running);
}

TEST_CASE("a cluster of TiUP is taken over, upgraded, grown and given back", "[lab][import]") {
  Site& site = Site::Get();
  TiupCluster tiup(&site);
  site.EnsurePackage("v7.5.2");
  site.MustCtl({"cluster", "import", kForeign, "--tiup", tiup.folder(), "--yes"});
  site.MustCtl({"cluster", "takeover", kForeign, "--yes"});
  CHECK(site.IsHealthy(kForeign));
  CHECK(site.Json({"cluster", "show", kForeign})["cluster"]["origin"] ==
        "CLUSTER_ORIGIN_TAKEN_OVER");
  site.MustCtl({"cluster", "verify", kForeign});
  site.MustCtl({"cluster", "upgrade", kForeign, "v7.5.2", "--yes"});
  CHECK(site.Status(kForeign)["version"] == "v7.5.2");
  const std::string grown = site.WriteFile(
      "grown.yaml",
      fmt::format("worker_servers:\n  - host: {}\n    name: tiup-worker-h1\n    port: 28262\n",
                  site.Address("h1")));
  site.MustCtl({"cluster", "scale-out", kForeign, grown, "--yes"});
  CHECK(site.IsHealthy(kForeign));
  site.MustCtl({"cluster", "verify", kForeign});

  INFO("TiUP finds programs, scripts and units of its own shape, which their user may replace");
  const auto running = tiup.Processes();
  const std::string released = tiup.folder() + "/released.yaml";
  site.MustCtl({"cluster", "release", kForeign, "--output", released, "--yes"});
  CHECK(tiup.Processes() == running);
  CHECK_THAT(Contents(released),
             Catch::Contains("dm_version: v7.5.2\n") && Catch::Contains("name: tiup-worker-h1\n"));
  for (const char* node : {"dm-master-28261", "dm-worker-28262"}) {
    INFO(node);
    const std::string component = std::string(node).substr(0, 9);
    site.lab().Ssh("h1", fmt::format("cd /tiup-deploy/{0} && su -s /bin/sh dmtiup -c '"
                                     "bin/{1}/{1} -V | grep v7.5.2 && cp -r bin bin.old && "
                                     "rm bin/{1}/{1} && cp bin.old/{1}/{1} bin/{1}/{1} && "
                                     "touch scripts/run_{1}.sh conf/{1}.toml'",
                                     node, component));
  }
  site.MustCtl({"cluster", "import", kForeign, "--tiup", released, "--yes"});
  CHECK(site.IsHealthy(kForeign));
}

TEST_CASE("a cluster whose record is lost is taken over by what its members say", "[lab][import]") {
  Site& site = Site::Get();
  TiupCluster tiup(&site);
  const auto processes = tiup.Processes();
  const auto files = tiup.Files();
  const std::string address = site.Address("h2") + ":28261";
  const Result shown =
      site.Ctl({"cluster", "import", kForeign, "--master-addr", address, "--dry-run"});
  CHECK(shown.exit_code == 0);
  CHECK_THAT(shown.err, Catch::Contains("name: tiup-worker-h3") &&
                            Catch::Contains("data_dir: /tiup-data/dm-worker-28262") &&
                            Catch::Contains("openapi: true"));
  CHECK_FALSE(site.Exists(kForeign));
  site.MustCtl(
      {"cluster", "import", kForeign, "--master-addr", address, "--user", "dmtiup", "--yes"});
  CHECK(site.IsHealthy(kForeign));
  site.MustCtl({"cluster", "verify", kForeign});
  CHECK(tiup.Processes() == processes);
  CHECK(tiup.Files() == files);
}

TEST_CASE("a cluster that is not as TiUP says is not imported, and stays as it is",
          "[lab][import]") {
  Site& site = Site::Get();
  TiupCluster tiup(&site);
  site.lab().Ssh("h3",
                 "systemctl disable --now --quiet dm-worker-28262 && "
                 "mv /etc/systemd/system/dm-worker-28262.service /root/kept.service && "
                 "systemctl daemon-reload");
  const Result failed = site.Ctl({"cluster", "import", kForeign, "--tiup", tiup.meta(), "--yes"});
  CHECK(failed.exit_code == 1);
  CHECK_THAT(failed.out + failed.err, Catch::Contains("systemd has no dm-worker-28262.service"));
  const auto list = site.Json({"operation", "list", "--cluster", kForeign})["operations"];
  site.MustCtl({"operation", "rollback", list[0]["operation_id"]});
  CHECK_FALSE(site.Exists(kForeign));

  site.lab().Ssh("h3",
                 "mv /root/kept.service /etc/systemd/system/dm-worker-28262.service && "
                 "systemctl daemon-reload");
  INFO("one that does not run may be imported");
  site.MustCtl({"cluster", "import", kForeign, "--tiup", tiup.meta(), "--yes"});
  CHECK_FALSE(site.IsHealthy(kForeign));
  site.MustCtl({"cluster", "verify", kForeign});
  site.MustCtl({"cluster", "start", kForeign});
  CHECK(site.IsHealthy(kForeign));
}

TEST_CASE("hosts that nobody registered are named, with the call that does it", "[lab][import]") {
  Site& site = Site::Get();
  const std::string meta = site.WriteFile(
      "stranger.yaml",
      "user: tidb\ndm_version: v7.5.1\ntopology:\n  master_servers:\n  - host: 198.51.100.7\n");
  const Result refused = site.Ctl({"cluster", "import", kForeign, "--tiup", meta, "--yes"});
  CHECK(refused.exit_code != 0);
  CHECK_THAT(refused.err, Catch::Contains("198.51.100.7") &&
                              Catch::Contains("is not a registered machine") &&
                              Catch::Contains("machine add 198.51.100.7"));
  CHECK_FALSE(site.Exists(kForeign));
}

}  // namespace
}  // namespace dmgr::testing

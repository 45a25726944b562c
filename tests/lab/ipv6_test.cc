// A cluster whose hosts have IPv6 addresses.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "tests/lab/site.h"
#include "tests/support/files.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

constexpr char kSix[] = "six";
constexpr char kTopologyOfSix[] = R"(global:
  deploy_dir: /dm-six
  data_dir: /dm-six-data
master_servers:
  - {{ host: "{0}", port: 18261, peer_port: 18291 }}
  - {{ host: "{1}", port: 18261, peer_port: 18291 }}
worker_servers:
  - {{ host: "{0}", port: 18262 }}
monitoring_servers:
  - {{ host: "{0}", port: 19090 }}
alertmanager_servers:
  - {{ host: "{0}", web_port: 19093, cluster_port: 19094 }}
  - {{ host: "{1}", web_port: 19093, cluster_port: 19094 }}
grafana_servers:
  - {{ host: "{1}", port: 13000 }}
)";

bool AllTargetsUp(const std::string& prometheus) {
  const std::string body = HttpBody(fmt::format("http://{}/api/v1/targets", prometheus));
  const json targets = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (targets.is_discarded()) return false;
  const json& active = targets["data"]["activeTargets"];
  return active.size() == 7 && std::all_of(active.begin(), active.end(), [](const json& target) {
           return target["health"] == "up";
         });
}

// The lab's own prefix is on this machine.
bool HasIpv6() {
  return std::filesystem::exists("/proc/net/if_inet6") &&
         Contents("/proc/net/if_inet6").find("fd646d6c") != std::string::npos;
}

TEST_CASE("hosts may have IPv6 addresses", "[lab][ipv6]") {
  Site& site = Site::Get();
  if (!HasIpv6()) {
    WARN("this machine has no IPv6");
    return;
  }
  const std::string key = site.lab().Key();
  std::vector<std::string> addresses;
  for (const char* host : {"h1", "h2"}) {
    addresses.push_back(site.lab().Address6(host));
    site.MustCtl({"machine", "add", addresses.back(), "--user", host[1] == '1' ? "root" : "ops",
                  "--key", key});
  }
  const auto check = site.MustCtl({"machine", "check", addresses[0]});
  CHECK_THAT(check.out, Catch::Contains(fmt::format("root@[{}]:22", addresses[0])));
  const std::string topology =
      site.WriteFile("six.yaml", fmt::format(kTopologyOfSix, addresses[0], addresses[1]));
  site.MustCtl({"cluster", "deploy", kSix, kVersion, topology, "--yes"});
  site.MustCtl({"cluster", "start", kSix});
  const json status = site.Status(kSix);
  INFO(status.dump(2));
  CHECK(site.IsHealthy(kSix));
  CHECK(status["grafana_url"] == fmt::format("http://[{}]:13000", addresses[1]));
  const std::string prometheus = fmt::format("[{}]:19090", addresses[0]);
  CHECK(Eventually([&] { return AllTargetsUp(prometheus); }, std::chrono::seconds(60)));
  site.MustCtl(
      {"cluster", "restart", kSix, "--node", fmt::format("[{}]:18262", addresses[0]), "--yes"});
  site.MustCtl({"cluster", "destroy", kSix, "--yes"});
  for (const auto& address : addresses) site.MustCtl({"machine", "remove", address, "--yes"});
}

}  // namespace
}  // namespace dmgr::testing

#include "tests/lab/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "absl/time/clock.h"
#include "common/enum_words.h"
#include "dmgr/v1/types.pb.h"
#include "server/dm/client.h"
#include "server/dm/http.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

// The fault tests have a dmgrd of their own.
#ifndef DMGR_SITE_DAEMON
#define DMGR_SITE_DAEMON "dmgrd"
#endif

constexpr char kSudoPassword[] = "it's \"not\" $easy";

void Must(const Result& result, const std::string& what) {
  if (result.exit_code == 0) return;
  throw std::runtime_error(
      fmt::format("{} ended with {}:\n{}{}", what, result.exit_code, result.out, result.err));
}

}  // namespace

std::string ComponentOf(const nlohmann::json& part) {
  v1::Component component = v1::COMPONENT_UNSPECIFIED;
  v1::Component_Parse(part["component"].get<std::string>(), &component);
  return ToWord(component);
}

Site& Site::Get() {
  static Site site;
  return site;
}

const std::vector<std::string>& Site::Hosts() {
  static const std::vector<std::string> hosts = {"h1", "h2", "h3"};
  return hosts;
}

// h1 is reached as root, h2 through a sudo that asks nothing, h3 through one that asks.
Site::Site()
    : lab_(Lab::Shared(static_cast<int>(Hosts().size()))), daemon_({.program = DMGR_SITE_DAEMON}) {
  for (const auto& host : Hosts()) {
    addresses_[host] = lab_.Address(host);
  }
  const fs::path public_key = lab_.Key().string() + ".pub";
  lab_.AddUser("h2",
               {.name = "ops", .sudo = Lab::Sudo::kWithoutPassword, .public_key = public_key});
  lab_.AddUser("h3", {.name = "ops", .password = kSudoPassword, .sudo = Lab::Sudo::kWithPassword});
  daemon_.LogIn();
  BuildPackage(kVersion);
  for (const auto& host : Hosts()) PlaceAlertmanagerTemplates(lab_.Root(host));
  for (const auto& host : Hosts()) RegisterHost(host);
}

void Site::RegisterHost(const std::string& host) const {
  std::vector<std::string> args = {"machine", "add", Address(host)};
  std::string input;
  if (host == "h3") {
    const std::string known = WriteFile("known_hosts", lab_.HostKey(host) + "\n");
    args.insert(args.end(), {"--user", "ops", "--password", "--known-hosts", known});
    input = std::string(kSudoPassword) + "\n";
  } else {
    args.insert(args.end(),
                {"--user", host == "h2" ? "ops" : "root", "--key", lab_.Key().string()});
  }
  Must(Ctl(args, input), "machine add " + host);
}

void Site::BuildPackage(const std::string& version) const {
  const fs::path tarballs =
      daemon_.dir() / (version == kVersion ? "tarballs" : "tarballs-" + version);
  Must(Run({.args = {DMGR_SOURCE_DIR "/tests/dmsim/make_tarballs.sh", DMGR_BINARY_DIR "/dmsim",
                     version, tarballs},
            .directory = daemon_.dir()}),
       "make_tarballs.sh");
  Must(Ctl({"package", "build", "--components", tarballs, "--version", version, "--output",
            daemon_.dir()}),
       "package build");
  const fs::path package = daemon_.dir() / fmt::format("dm-{}.tar.gz", version);
  Must(Ctl({"package", "upload", package}), "package upload");
  fs::remove(package);
}

void Site::EnsurePackage(const std::string& version) const {
  const nlohmann::json list = Json({"package", "list"});
  for (const auto& package : list["packages"]) {
    if (package["version"] == version) return;
  }
  BuildPackage(version);
}

void Site::PlaceAlertmanagerTemplates(const fs::path& root) const {
  const fs::path target = root / "usr/share/prometheus/alertmanager";
  fs::create_directories(target);
  fs::copy(daemon_.dir() / "tarballs/alertmanager-templates", target,
           fs::copy_options::overwrite_existing | fs::copy_options::recursive);
}

const std::string& Site::Address(const std::string& host) const { return addresses_.at(host); }

std::string Site::HostAt(const std::string& address) const {
  for (const auto& [host, own] : addresses_) {
    if (own == address) return host;
  }
  throw std::runtime_error("no host has " + address);
}

HostTree Site::Tree(const std::string& host,
                    const std::function<bool(const std::string& path)>& skip) const {
  return ReadHostTree(lab_.Root(host), skip);
}

std::string Site::WriteFile(const std::string& name, const std::string& text) const {
  const fs::path path = daemon_.dir() / name;
  std::ofstream(path) << text;
  return path;
}

std::string Site::WriteTopology(const TopologyOptions& options) const {
  std::string text = fmt::format(
      "global:\n  user: \"{}\"\n  ssh_port: 22\n  deploy_dir: \"{}\"\n  data_dir: \"{}\"\n",
      options.user, options.deploy_dir, options.data_dir);
  const auto section = [&](const char* name, const std::vector<std::string>& hosts,
                           const std::vector<std::pair<const char*, int>>& ports) {
    text += fmt::format("{}:\n", name);
    for (const auto& host : hosts) {
      text += fmt::format("  - host: {}\n", Address(host));
      for (const auto& [key, port] : ports) {
        text += fmt::format("    {}: {}\n", key, port + options.shift);
      }
    }
  };
  section("master_servers", Hosts(), {{"port", 8261}, {"peer_port", 8291}});
  section("worker_servers", Hosts(), {{"port", 8262}});
  if (options.monitoring) {
    section("monitoring_servers", {"h1"}, {{"port", 9090}});
    section("grafana_servers", {"h2"}, {{"port", 3000}});
    section("alertmanager_servers", {"h3"}, {{"web_port", 9093}, {"cluster_port", 9094}});
  }
  return WriteFile(fmt::format("topology-{}.yaml", options.shift), text);
}

Result Site::Ctl(const std::vector<std::string>& args, const std::string& input) const {
  return daemon_.Ctl(args, input);
}

Result Site::MustCtl(const std::vector<std::string>& args) const {
  const Result result = Ctl(args);
  INFO(fmt::format("dmgrctl {}:\n{}{}", fmt::join(args, " "), result.out, result.err));
  REQUIRE(result.exit_code == 0);
  return result;
}

nlohmann::json Site::Json(std::vector<std::string> args) const {
  args.insert(args.end(), {"-o", "json"});
  return nlohmann::json::parse(MustCtl(args).out);
}

nlohmann::json Site::Status(const std::string& cluster) const {
  return Json({"cluster", "status", cluster});
}

bool Site::IsHealthy(const std::string& cluster) const {
  // A status gives every host 2.5 s, which a machine that does much else may need more than once.
  return Eventually([&] { return Status(cluster)["healthy"] == true; }, std::chrono::seconds(10));
}

bool Site::Exists(const std::string& cluster) const {
  const nlohmann::json list = Json({"cluster", "list"});
  return std::any_of(list["clusters"].begin(), list["clusters"].end(),
                     [&](const auto& one) { return one["name"] == cluster; });
}

void Site::EnsureDemo() {
  // A test that failed may have left anything.
  if (Exists(kDemo) && Status()["state"] == "CLUSTER_STATE_UP" && IsHealthy()) return;
  EnsureNoCluster();
  MustCtl({"cluster", "deploy", kDemo, kVersion, WriteTopology(), "--user-login", "--yes"});
  MustCtl({"cluster", "start", kDemo});
}

void Site::EnsureNoCluster() {
  lab_.Up(static_cast<int>(Hosts().size()));
  const nlohmann::json list = Json({"cluster", "list"});
  for (const auto& cluster : list["clusters"]) {
    const std::string running = cluster["active_operation_id"];
    // One that still runs has to end first; one that failed gives way.
    if (!running.empty()) Ctl({"operation", "watch", running});
    MustCtl({"cluster", "destroy", cluster["name"], "--yes"});
  }
}

std::map<std::string, std::string> Processes(Site& site, const std::string& cluster) {
  std::map<std::string, std::string> pids;
  const nlohmann::json status = site.Status(cluster);
  for (const auto& instance : status["instances"]) {
    const std::string unit = instance["unit"];
    const std::string host = site.HostAt(instance["host"]);
    pids[host + "/" + unit] = site.lab().Ssh(host, "systemctl show -p MainPID --value " + unit);
  }
  REQUIRE(pids.size() == 9);
  return pids;
}

std::string NewestOperation(Site& site) {
  v1::ListOperationsRequest request;
  request.set_cluster_name(kDemo);
  request.set_page_size(1);
  v1::ListOperationsResponse response;
  auto& admin = site.daemon().Admin();
  const auto listed = admin.Call(admin.operations(), &v1::OperationService::Stub::ListOperations,
                                 request, &response);
  INFO(listed.ToString());
  REQUIRE(listed.ok());
  return response.operations_size() == 0 ? "" : response.operations(0).operation_id();
}

std::string HttpBody(const std::string& url) {
  const auto reply = dm::HttpGet(url, absl::Now() + absl::Seconds(5));
  return reply.ok() && reply->status == 200 ? reply->body : std::string();
}

bool HttpPost(const std::string& url, const std::string& body) {
  const auto reply = dm::Http().Send("POST", url, body, absl::Now() + absl::Seconds(5), {});
  return reply.ok() && reply->status < 300;
}

bool HttpDelete(const std::string& url) {
  const auto reply = dm::Http().Send("DELETE", url, "", absl::Now() + absl::Seconds(5), {});
  return reply.ok() && reply->status < 300;
}

std::map<std::string, HostTree> SettledTrees(Site& site) {
  const auto is_written = [](const std::string& path) {
    return path.find("/data/") != std::string::npos || path.find("/log/") != std::string::npos;
  };
  std::map<std::string, HostTree> trees;
  for (const auto& host : Site::Hosts()) trees[host] = site.Tree(host, is_written);
  return trees;
}

void CheckEqual(const std::map<std::string, HostTree>& wanted,
                const std::map<std::string, HostTree>& got) {
  for (const auto& [host, tree] : wanted) {
    INFO(host);
    CHECK(Difference(tree, got.at(host)) == "");
  }
}

}  // namespace dmgr::testing

// Three hosts, a dmgrd that knows them and has a package: what the tests of deploys start from.
#ifndef DMGR_TESTS_LAB_SITE_H_
#define DMGR_TESTS_LAB_SITE_H_

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/host_tree.h"
#include "tests/support/lab.h"

namespace dmgr::testing {

// Of the stand-in and of the package.
inline constexpr char kVersion[] = "v7.5.1";
// The cluster that most tests look at.
inline constexpr char kDemo[] = "demo";

// "dm-master" of an instance, or a part of a package, that is COMPONENT_DM_MASTER.
std::string ComponentOf(const nlohmann::json& part);

// What a topology file says beside its hosts.
struct TopologyOptions {
  std::string user = "tidb";
  std::string deploy_dir = "/dm-deploy";
  std::string data_dir = "/dm-data";
  // Added to every port.
  int shift = 0;
  bool monitoring = true;
};

// One for all tests of the program; they leave the hosts running and registered.
class Site {
 public:
  static Site& Get();

  Lab& lab() { return lab_; }
  TestDaemon& daemon() { return daemon_; }
  static const std::vector<std::string>& Hosts();
  // The address of "h1" and so on.
  const std::string& Address(const std::string& host) const;
  // The host with this address.
  std::string HostAt(const std::string& address) const;
  HostTree Tree(const std::string& host,
                const std::function<bool(const std::string& path)>& skip = {}) const;

  // Three dm-masters, three dm-workers and, with monitoring, one Prometheus, Alertmanager and
  // Grafana, one a host. Returns the file's path.
  std::string WriteTopology(const TopologyOptions& options = {}) const;
  std::string WriteFile(const std::string& name, const std::string& text) const;

  Result Ctl(const std::vector<std::string>& args, const std::string& input = "") const;
  // The same; fails when its exit code is not 0.
  Result MustCtl(const std::vector<std::string>& args) const;
  // What it prints with -o json.
  nlohmann::json Json(std::vector<std::string> args) const;
  nlohmann::json Status(const std::string& cluster = kDemo) const;
  // Becomes so soon, if it is not yet.
  bool IsHealthy(const std::string& cluster = kDemo) const;

  // It is in the warehouse.
  void EnsurePackage(const std::string& version) const;
  bool Exists(const std::string& cluster) const;
  // kDemo, deployed and healthy, whatever was before.
  void EnsureDemo();
  // The record is empty, and so are the hosts.
  void EnsureNoCluster();
  // Debian's alertmanager reads its templates there, whatever its flags say.
  void PlaceAlertmanagerTemplates(const std::filesystem::path& root) const;

 private:
  Site();
  void BuildPackage(const std::string& version) const;
  void RegisterHost(const std::string& host) const;

  Lab& lab_;
  std::map<std::string, std::string> addresses_;
  TestDaemon daemon_;
};

// The main process of each of the nine instances of kDemo, which may have another name by now, by
// "host/unit".
std::map<std::string, std::string> Processes(Site& site, const std::string& cluster = kDemo);
// The newest operation of kDemo.
std::string NewestOperation(Site& site);

// The body of an HTTP answer with status 200; "" for any other.
std::string HttpBody(const std::string& url);
// Posts JSON; whether the answer has a status below 300.
bool HttpPost(const std::string& url, const std::string& body);
bool HttpDelete(const std::string& url);

// What is on every host, but for data and logs: what a running cluster writes goes its own way.
std::map<std::string, HostTree> SettledTrees(Site& site);
void CheckEqual(const std::map<std::string, HostTree>& wanted,
                const std::map<std::string, HostTree>& got);

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_SITE_H_

#include "tests/operations/tiup_hosts.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "server/clusters/record.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

// To that user, of those that a host has.
void Give(const std::string& dir) {
  if (geteuid() != 0) return;
  constexpr uid_t kTidb = 4201;
  REQUIRE(chown(dir.c_str(), kTidb, kTidb) == 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    REQUIRE(lchown(entry.path().c_str(), kTidb, kTidb) == 0);
  }
}

void LayOne(const StandInHost& host, const std::string& component, std::uint32_t port) {
  const std::string unit = component + "-" + std::to_string(port);
  const std::string deploy = "opt/dm/deploy/" + unit;
  const std::string script = deploy + "/scripts/run_" + component + ".sh";
  const TempRoot& root = host.root();
  for (const char* dir : {"/bin", "/conf", "/log"}) {
    std::filesystem::create_directories(root / deploy + dir);
  }
  std::filesystem::create_directories(root / ("opt/dm/data/" + unit));
  root.Write(script, "#!/bin/bash\nexec bin/" + component + "/" + component + "\n", 0755);
  const std::string program = deploy + "/bin/" + component + "/" + component;
  root.Write(program, "TiUP's " + component, 0755);
  Give(root / deploy);
  Give(root / ("opt/dm/data/" + unit));
  const std::string systemd = "etc/systemd/system/";
  root.Write(systemd + unit + ".service",
             "[Service]\nUser=tidb\nExecStart=/bin/bash -c '/" + script + "'\n");
  std::filesystem::create_symlink("/" + systemd + unit + ".service",
                                  root / systemd + "multi-user.target.wants/" + unit + ".service");
  // Of a start of its own, which no later one is taken for.
  root.Write("run/units/" + unit + ".service", "1000\n");
}

}  // namespace

v1::Topology TiupTopology() {
  v1::Topology topology = SampleTopology();
  // A host's own user.
  topology.mutable_global()->set_user("tidb");
  return topology;
}

void LayAsTiup(const Stage& stage) {
  for (const char* machine : {"m1", "m2", "m3"}) LayOne(stage.host(machine), "dm-master", 18261);
  for (const char* machine : {"m2", "m3"}) LayOne(stage.host(machine), "dm-worker", 18262);
  LayOne(stage.host("m1"), "prometheus", 19090);
  LayOne(stage.host("m1"), "alertmanager", 19093);
  LayOne(stage.host("m1"), "grafana", 13000);
}

Ask Importing(Stage& stage) {
  return [&stage] {
    v1::ImportClusterRequest request;
    request.set_cluster_name(kForeign);
    request.set_version("v7.5.1");
    *request.mutable_topology() = TiupTopology();
    return operations::ImportCluster(stage.resources(), request, kImporter);
  };
}

Ask TakingOver(Stage& stage) {
  return [&stage] {
    v1::TakeOverClusterRequest request;
    request.set_cluster_name(kForeign);
    return operations::TakeOverCluster(stage.resources(), request, kImporter);
  };
}

store::ClusterRecord Recorded(Stage& stage) {
  auto record = clusters::FindCluster(stage.resources(), kForeign);
  REQUIRE_OK(record.status());
  return *std::move(record);
}

}  // namespace dmgr::test

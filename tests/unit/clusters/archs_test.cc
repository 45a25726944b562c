// Clusters on hosts of both architectures: which of a package's programs each gets.
#include "common/package/archs.h"

#include "server/clusters/placement.h"
#include "server/clusters/room.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::clusters {
namespace {

// A dm-master and a dm-worker each on m1, which is amd64, on arm, and on m3, of which it is not
// known.
topology::ExpandInput MixedInput() {
  auto input = topology::Input(R"(
    global { deploy_dir: "/dm" data_dir: "/dm-data" }
    master_servers { placement { host: "10.0.0.1" } }
    master_servers { placement { host: "10.0.0.3" } }
    master_servers { placement { host: "10.0.0.4" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.4" } } )");
  input.package_archs = {"amd64", "arm64"};
  return input;
}

// As SamplePackage, once more for arm64.
v1::Package MixedPackage() {
  v1::Package package = SamplePackage();
  package.set_arch("amd64");
  const int count = package.components_size();
  for (int i = 0; i < count; ++i) {
    package.mutable_components(i)->set_arch("amd64");
    v1::PackageComponent* second = package.add_components();
    *second = package.components(i);
    second->set_arch("arm64");
    second->set_release_hash(second->release_hash() + "-arm64");
  }
  return package;
}

std::string HashFor(const v1::Package& package, const Cluster& cluster,
                    const std::string& machine) {
  const auto* release = ReleaseOn(package, cluster, machine, "dm-master");
  return release == nullptr ? "" : release->release_hash();
}

}  // namespace

TEST_CASE("each host gets the programs of its architecture", "[archs]") {
  const Cluster cluster = topology::Good(MixedInput());
  const v1::Package package = MixedPackage();
  CHECK(ArchOn(cluster, "m1") == "amd64");
  CHECK(ArchOn(cluster, "arm") == "arm64");
  CHECK(ArchOn(cluster, "m3").empty());
  CHECK(HashFor(package, cluster, "m1") == "hash-dm-master");
  CHECK(HashFor(package, cluster, "arm") == "hash-dm-master-arm64");
  // The package's own, as ever.
  CHECK(HashFor(package, cluster, "m3") == "hash-dm-master");
  for (const auto& instance : cluster.instances) {
    const auto* release = ReleaseFor(package, instance);
    REQUIRE(release != nullptr);
    CHECK(release->arch() == (instance.machine_id == "arm" ? "arm64" : "amd64"));
    CHECK(ReleasesOf(instance, package) == Names{release->release_hash()});
  }
  for (const auto* release : ReleasesFor(cluster, "arm", package, {})) {
    CHECK(release->arch() == "arm64");
  }
  CHECK(ReleasesFor(cluster, "arm", package, package).empty());
}

TEST_CASE("a package that was stored without architectures is for its own", "[archs]") {
  const Cluster cluster = topology::Good(MixedInput());
  v1::Package package = SamplePackage();
  package.set_arch("amd64");
  CHECK(package::ArchsOf(package) == Names{"amd64"});
  CHECK(package::ArchsOf(MixedPackage()) == Names{"amd64", "arm64"});
  CHECK(HashFor(package, cluster, "m1") == "hash-dm-master");
  CHECK(HashFor(package, cluster, "arm").empty());
  CHECK(LackingIn(package) == LackingIn(MixedPackage()));
}

TEST_CASE("a host whose architecture the package lacks is refused with what to upload", "[archs]") {
  auto input = MixedInput();
  input.package_archs = {"amd64"};
  CHECK(topology::ProblemsOf(input) ==
        Names{"topology.master_servers[2].placement.host: machine arm is arm64, but package v7.5.2 "
              "is for amd64; upload a package for arm64"});
  // Nothing is known of the package.
  input.package_archs.clear();
  CHECK(topology::ProblemsOf(input).empty());
}

}  // namespace dmgr::clusters

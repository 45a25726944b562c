// What holds for every component, also for one that is added later.
#include <algorithm>

#include "common/components/traits.h"
#include "common/enum_words.h"
#include "server/clusters/placement.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::clusters {
namespace {

// A release as a package with all of a component's programs and trees has it.
v1::PackageComponent ReleaseOf(const components::Traits& traits) {
  v1::PackageComponent release;
  release.set_component(FromWord<v1::Component>(traits.name));
  // The API knows every component.
  REQUIRE(release.component() != v1::COMPONENT_UNSPECIFIED);
  release.set_release_hash("hash");
  for (const components::Program& program : traits.programs) {
    release.add_files()->set_path("bin/" + std::string(program.name));
  }
  for (const std::string_view tree : traits.trees) {
    release.add_files()->set_path(std::string(tree) + "/file");
  }
  return release;
}

Names Targets(const std::vector<hv1::Placement>& placements) {
  Names targets;
  for (const auto& placement : placements) targets.push_back(placement.target());
  return targets;
}

bool Has(const Names& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

TEST_CASE("Every component's directories, programs and checks are those of its record") {
  const Cluster cluster = SampleCluster();
  const Component component =
      GENERATE(from_range(std::begin(topology::kComponents), std::end(topology::kComponents)));
  const components::Traits& traits = components::TraitsOf(component);
  CAPTURE(traits.name);
  REQUIRE_FALSE(cluster.Of(component).empty());
  Instance instance = *cluster.Of(component).front();
  instance.patch = "patch";
  const std::string deploy = instance.deploy_dir + "/";
  const Names dirs = DirsOf(instance);
  for (const char* dir : {"bin", "scripts", "conf"}) CHECK(Has(dirs, deploy + dir));
  for (const std::string_view dir : traits.dirs) CHECK(Has(dirs, deploy + std::string(dir)));

  const auto placements = PlacementsOf(instance, ReleaseOf(traits));
  const Names targets = Targets(placements);
  for (const components::Program& program : traits.programs) {
    CHECK(Has(targets, deploy + "bin/" + std::string(program.name)));
  }
  for (const std::string_view tree : traits.trees) {
    const bool own = std::ranges::find(traits.own_trees, tree) != traits.own_trees.end();
    CHECK(Has(targets, deploy + std::string(tree)) == !own);
  }
  // A patch takes the place of the component's program, and of nothing else.
  for (const auto& placement : placements) {
    CHECK(placement.hash() == (placement.source() == traits.program_path() ? "patch" : "hash"));
  }

  const auto checks = ChecksOf(cluster, instance, ReleaseOf(traits), "/store");
  REQUIRE(checks.size() == (traits.checker.program.empty() ? 0 : 1));
  if (checks.empty()) return;
  CHECK(checks[0].program() == traits.checker.program);
  CHECK(checks[0].path() == deploy + std::string(traits.checker.file));
  // A package may lack the tool.
  CHECK(ChecksOf(cluster, instance, v1::PackageComponent(), "/store").empty());
}

}  // namespace
}  // namespace dmgr::clusters

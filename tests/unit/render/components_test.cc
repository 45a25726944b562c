// What holds for every component, also for one that is added later.
#include <algorithm>

#include "tests/unit/render/support.h"

namespace dmgr::render {
namespace {

TEST_CASE("Every component has a run script, its templates' files and a unit that starts it") {
  Fixture fixture;
  const Component component =
      GENERATE(from_range(std::begin(topology::kComponents), std::end(topology::kComponents)));
  const components::Traits& traits = components::TraitsOf(component);
  CAPTURE(traits.name);
  const RenderedInstance rendered = fixture.MustRender(component);
  const std::string deploy_dir = fixture.First(component).deploy_dir;
  const std::string script = deploy_dir + "/scripts/run_" + std::string(traits.name) + ".sh";

  CHECK(rendered.unit_name == fixture.First(component).Unit());
  CHECK(rendered.unit_content.find("ExecStart=/bin/bash \"" + script + "\"") != std::string::npos);
  CHECK((rendered.unit_content.find("ExecReload=") != std::string::npos) ==
        !traits.reload_metrics.empty());

  const std::string text =
      fixture.Text(component, "scripts/run_" + std::string(traits.name) + ".sh");
  CHECK(text.find("bin/" + std::string(traits.program().name)) != std::string::npos);

  std::set<std::string> paths;
  for (const RenderedFile& file : rendered.files) {
    CHECK(paths.insert(file.path).second);
    CHECK(file.secret == (file.mode == 0600));
  }
  for (const components::Template& one : traits.templates) {
    if (one.when == components::When::kJoining) continue;
    CAPTURE(one.name);
    CHECK(fixture.File(component, std::string(one.target)).mode == one.mode);
  }
  if (!traits.checker.file.empty()) {
    CHECK(paths.contains(deploy_dir + "/" + std::string(traits.checker.file)));
  }
}

TEST_CASE("Prometheus scrapes every component of the cluster") {
  Fixture fixture;
  const std::string config = fixture.Text(Component::kPrometheus, "conf/prometheus.yml");
  for (const Instance& instance : fixture.cluster.instances) {
    CAPTURE(instance.name);
    CHECK(config.find("\"" + instance.NodeId() + "\"") != std::string::npos);
  }
}

TEST_CASE("A template that every component needs, and its package lacks, is named") {
  const Component component =
      GENERATE(from_range(std::begin(topology::kComponents), std::end(topology::kComponents)));
  for (const components::Template& one : components::TraitsOf(component).templates) {
    if (one.when == components::When::kJoining) continue;
    Fixture fixture;
    const std::string path = "template/" + std::string(one.name);
    CAPTURE(path);
    REQUIRE(fixture.package.erase(path) == 1);
    CHECK(fixture.Failure(component) == "the package has no " + path);
    // What an upload is checked with says so elsewhere: that of the parts.
    CHECK(CheckTemplates(fixture.package).empty());
  }
}

}  // namespace
}  // namespace dmgr::render

// The values of a topology in the files of a host: whatever they are, each file is still one of its
// kind.
#include "server/render/render.h"

#include <yaml-cpp/yaml.h>

#include <string>

#include "client/topology/topology.h"
#include "common/error.h"
#include "server/render/toml_config.h"
#include "templates/defaults.h"
#include "tests/fuzz/cluster.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

const render::PackageFiles& DefaultPackage() {
  static const auto* const kFiles = [] {
    auto* files = new render::PackageFiles;
    for (const auto& [path, text] : templates::DefaultFiles({7, 5, 2, ""})) {
      files->emplace(path, text);
    }
    (*files)["conf/dm_worker.rules.yml"] = "groups: []\n";
    return files;
  }();
  return *kFiles;
}

void CheckFile(const render::RenderedFile& file) {
  if (file.path.ends_with(".toml")) {
    Must(render::TomlProblem(file.path, file.content).empty(), file.path + " is no TOML");
  }
  if (file.path.ends_with(".yml") || file.path.ends_with(".yaml")) {
    try {
      YAML::LoadAll(file.content);
    } catch (const YAML::Exception& e) {
      Must(false, file.path + " is no YAML: " + e.what());
    }
  }
}

}  // namespace

void FuzzRender(std::string_view input) {
  const std::string password = TakeUntil(&input, '\n');
  const auto parsed = client::ParseTopology(std::string(input), "t.yaml");
  if (!parsed.ok()) return;
  const auto expanded = Expanded(*parsed);
  if (!expanded.problems.empty()) return;
  for (const auto& instance : expanded.cluster.instances) {
    const auto rendered = render::Render({.cluster = &expanded.cluster,
                                          .instance = &instance,
                                          .package = &DefaultPackage(),
                                          .join = {},
                                          .grafana_password = password});
    if (!rendered.ok()) {
      Must(!Reason(rendered.status()).empty(), "an error without a reason");
      continue;
    }
    for (const auto& file : rendered->files) CheckFile(file);
  }
}

}  // namespace dmgr::fuzz

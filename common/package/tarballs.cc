#include "common/package/tarballs.h"

#include <algorithm>
#include <utility>

#include "common/components/traits.h"

namespace dmgr::package {

std::vector<TarballRule> TarballRules() {
  std::vector<TarballRule> rules = {{"dmctl", true}};
  for (const components::Component component : components::kComponents) {
    const components::Traits& traits = components::TraitsOf(component);
    rules.push_back({std::string(traits.tarball_name()), traits.dm_version, traits.optional});
  }
  return rules;
}

std::vector<std::filesystem::path> FilesBelow(const std::filesystem::path& dir) {
  std::vector<std::pair<int, std::filesystem::path>> found;
  for (auto it = std::filesystem::recursive_directory_iterator(dir);
       it != std::filesystem::recursive_directory_iterator(); ++it) {
    if (it->is_regular_file()) found.emplace_back(it.depth(), it->path());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::filesystem::path> files;
  for (auto& [depth, path] : found) files.push_back(std::move(path));
  return files;
}

}  // namespace dmgr::package

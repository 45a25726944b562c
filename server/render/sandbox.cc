#include "server/render/sandbox.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/components/traits.h"

namespace dmgr::render {
namespace {

// The directories of the instance that lie in one of these.
std::set<std::string> DirsIn(const topology::Instance& instance,
                             const std::vector<std::string>& tops) {
  std::set<std::string> dirs;
  for (const auto* dir : {&instance.deploy_dir, &instance.data_dir, &instance.log_dir}) {
    const bool is_there =
        !dir->empty() && std::any_of(tops.begin(), tops.end(), [&](const std::string& top) {
          return topology::Contains(top, *dir);
        });
    if (is_there) dirs.insert(*dir);
  }
  return dirs;
}

}  // namespace

void AddSandbox(const topology::Instance& instance, Values* values) {
  values->variables["capabilities"] = {
      .value = std::string(components::TraitsOf(instance.component).capabilities),
      .optional = true};
  const bool in_tmp = !DirsIn(instance, {"/tmp", "/var/tmp"}).empty();
  values->variables["private_tmp"] = {.value = in_tmp ? "" : "yes", .optional = true};
  List& writable = values->lists["writable_dirs"];
  writable.fields = {"path"};
  for (const auto& dir : DirsIn(instance, {"/usr", "/boot", "/etc"})) {
    writable.items.push_back({{"path", dir}});
  }
}

}  // namespace dmgr::render

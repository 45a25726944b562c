#include "server/clusters/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/components/traits.h"
#include "common/enum_words.h"
#include "common/package/archs.h"

namespace dmgr::clusters {
namespace {

void AddUnique(std::vector<std::string>& list, const std::string& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

// etcd warns at each start of a data directory that others can look into.
std::uint32_t ModeOf(const topology::Instance& instance, const std::string& dir) {
  const bool is_etcd =
      components::TraitsOf(instance.component).dm_role == components::DmRole::kMaster;
  return is_etcd && dir == instance.data_dir ? 0700 : 0755;
}

}  // namespace

std::vector<std::string> DirsOf(const topology::Instance& instance) {
  const std::string& deploy = instance.deploy_dir;
  std::vector<std::string> dirs = {deploy,           deploy + "/bin",   deploy + "/scripts",
                                   deploy + "/conf", instance.data_dir, instance.log_dir};
  const components::Traits& traits = components::TraitsOf(instance.component);
  if (instance.tiup_shape && !traits.tiup_folder.empty()) {
    dirs.push_back(fmt::format("{}/bin/{}", deploy, traits.tiup_folder));
  }
  for (const std::string_view dir : traits.dirs) {
    dirs.push_back(fmt::format("{}/{}", deploy, dir));
  }
  if (instance.HasCertificate()) dirs.push_back(deploy + "/tls");
  return dirs;
}

hv1::Dir DirToMake(const topology::Cluster& cluster, const topology::Instance& instance,
                   const std::string& path) {
  hv1::Dir dir;
  dir.set_path(path);
  dir.set_mode(ModeOf(instance, path));
  dir.set_owner(cluster.user);
  dir.set_group(cluster.group);
  return dir;
}

std::vector<hv1::Dir> DirsToMake(const topology::Cluster& cluster, const std::string& machine_id) {
  std::vector<hv1::Dir> dirs;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    for (const auto& path : DirsOf(*instance)) dirs.push_back(DirToMake(cluster, *instance, path));
  }
  return dirs;
}

const v1::PackageComponent* FindComponent(const v1::Package& package, std::string_view component,
                                          std::string_view arch) {
  const std::string_view wanted = arch.empty() ? package.arch() : arch;
  for (const auto& part : package.components()) {
    if (ToWord(part.component()) != component) continue;
    const std::string& own = package::ArchOfPart(package, part);
    if (own == wanted || own.empty()) return &part;
  }
  return nullptr;
}

const v1::PackageComponent* ReleaseFor(const v1::Package& package,
                                       const topology::Instance& instance) {
  return FindComponent(package, topology::Name(instance.component), instance.arch);
}

const v1::PackageComponent* ReleaseOn(const v1::Package& package, const topology::Cluster& cluster,
                                      std::string_view machine_id, std::string_view component) {
  return FindComponent(package, component, ArchOn(cluster, machine_id));
}

std::string ArchOn(const topology::Cluster& cluster, std::string_view machine_id) {
  const auto here = cluster.OnMachine(machine_id);
  return here.empty() ? "" : here.front()->arch;
}

std::vector<topology::Component> LackingIn(const v1::Package& package) {
  std::vector<topology::Component> lacking;
  for (const topology::Component component : topology::kComponents) {
    const components::Traits& traits = components::TraitsOf(component);
    if (traits.optional && FindComponent(package, traits.name) == nullptr) {
      lacking.push_back(component);
    }
  }
  return lacking;
}

std::vector<std::string> ReleasesOf(const topology::Instance& instance,
                                    const v1::Package& package) {
  std::vector<std::string> hashes;
  const auto* release = ReleaseFor(package, instance);
  if (release != nullptr) hashes.push_back(release->release_hash());
  if (!instance.patch.empty()) hashes.push_back(instance.patch);
  return hashes;
}

std::vector<hv1::Placement> PlacementsOf(const topology::Instance& instance,
                                         const v1::PackageComponent& release) {
  std::vector<std::string> sources;
  for (const auto& file : release.files()) {
    const auto slash = file.path().find('/');
    if (slash == std::string::npos) continue;
    const std::string top = file.path().substr(0, slash);
    // Programs are linked one by one, since bin/ itself is the instance's; other trees as a whole.
    AddUnique(sources, top == "bin" ? file.path() : top);
  }
  const components::Traits& traits = components::TraitsOf(instance.component);
  const std::string program = traits.program_path();
  std::vector<hv1::Placement> placements;
  for (const auto& source : sources) {
    if (std::ranges::find(traits.own_trees, source) != traits.own_trees.end()) continue;
    hv1::Placement placement;
    const bool patched = source == program && !instance.patch.empty();
    placement.set_hash(patched ? instance.patch : release.release_hash());
    placement.set_source(source);
    placement.set_target(instance.PathOf(source));
    placements.push_back(std::move(placement));
  }
  return placements;
}

std::vector<hv1::CheckFile> ChecksOf(const topology::Cluster& cluster,
                                     const topology::Instance& instance,
                                     const v1::PackageComponent& release,
                                     const std::string& store_dir) {
  const components::Checker& checker = components::TraitsOf(instance.component).checker;
  if (checker.program.empty()) return {};
  hv1::CheckFile check;
  check.set_program(std::string(checker.program));
  for (const std::string_view word : checker.arguments) check.add_arguments(std::string(word));
  if (instance.monitoring.enable_prom_agent_mode()) check.add_arguments("--agent");
  check.set_path(fmt::format("{}/{}", instance.deploy_dir, checker.file));
  const auto& files = release.files();
  const bool has = std::any_of(files.begin(), files.end(),
                               [&](const auto& file) { return file.path() == check.program(); });
  if (!has) return {};
  check.set_store_dir(store_dir);
  check.set_hash(release.release_hash());
  check.set_user(cluster.user);
  check.set_group(cluster.group);
  return {check};
}

}  // namespace dmgr::clusters

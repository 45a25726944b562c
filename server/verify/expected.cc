#include "server/verify/expected.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/components/traits.h"
#include "common/package/release.h"
#include "server/clusters/cluster_key.h"
#include "server/clusters/placement.h"

namespace dmgr::verify {
namespace {

using topology::Instance;

void AddFiles(const Instance& instance, const render::RenderedInstance& rendered,
              ExpectedHost* host) {
  for (const auto& file : rendered.files) {
    host->files.push_back({.path = file.path,
                           .instance = instance.name,
                           .hash = package::HashText(file.content),
                           .mode = file.secret ? 0600 : file.mode});
  }
  host->files.push_back({.path = "/etc/systemd/system/" + rendered.unit_name,
                         .instance = instance.name,
                         .hash = package::HashText(rendered.unit_content),
                         .is_unit = true});
}

bool Has(const std::vector<ExpectedRelease>& releases, const std::string& store,
         const std::string& hash) {
  return std::any_of(releases.begin(), releases.end(), [&](const ExpectedRelease& one) {
    return one.store_dir == store && one.hash == hash;
  });
}

void AddPrograms(const Instance& instance, const v1::Package& package,
                 const clusters::HostBefore& before, ExpectedHost* host) {
  const auto* release = clusters::ReleaseFor(package, instance);
  const auto store = before.stores.find(instance.deploy_dir);
  if (release == nullptr || store == before.stores.end()) return;
  for (auto& placement : clusters::PlacementsOf(instance, *release)) {
    const std::string component(topology::Name(instance.component));
    if (!Has(host->releases, store->second, placement.hash())) {
      const bool is_patch = placement.hash() == instance.patch;
      host->releases.push_back(
          {store->second, placement.hash(), is_patch ? "a patch of " + component : component});
    }
    ExpectedPlaced placed{.instance = instance.name, .asked = {}};
    placed.asked.set_store_dir(store->second);
    *placed.asked.mutable_placement() = std::move(placement);
    host->placed.push_back(std::move(placed));
  }
}

// Those in which an instance's processes write go their own way.
bool IsOurs(const Instance& instance, const std::string& dir) {
  if (dir == instance.data_dir || dir == instance.log_dir) return false;
  const auto& own = components::TraitsOf(instance.component).own_trees;
  return std::none_of(own.begin(), own.end(), [&](std::string_view tree) {
    return dir == instance.deploy_dir + "/" + std::string(tree);
  });
}

void AddDirs(const topology::Cluster& cluster, const std::string& machine, ExpectedHost* host) {
  for (const auto* instance : cluster.OnMachine(machine)) {
    // Their modes are told of all instances in one list.
    for (const auto& dir :
         clusters::DirsToMake(topology::Only(cluster, {instance->name}), machine)) {
      host->dirs.push_back({.path = dir.path(),
                            .instance = instance->name,
                            .mode = instance->tiup_shape ? 0 : dir.mode(),
                            .names = {},
                            .is_ours = !instance->tiup_shape && IsOurs(*instance, dir.path()),
                            .is_working_dir = dir.path() == instance->deploy_dir});
    }
  }
}

// The first name on the way from dir to path, if it leads there.
std::string NameBelow(const std::string& dir, const std::string& path) {
  if (path == dir || !topology::Contains(dir, path)) return {};
  const std::size_t begin = dir == "/" ? 1 : dir.size() + 1;
  return path.substr(begin, path.find('/', begin) - begin);
}

void AddNames(ExpectedHost* host) {
  std::vector<std::string> paths;
  for (const auto& file : host->files) paths.push_back(file.path);
  for (const auto& placed : host->placed) paths.push_back(placed.asked.placement().target());
  for (const auto& dir : host->dirs) paths.push_back(dir.path);
  for (auto& dir : host->dirs) {
    if (!dir.is_ours) continue;
    for (const auto& path : paths) {
      const std::string name = NameBelow(dir.path, path);
      if (!name.empty()) dir.names.insert(name);
    }
  }
}

}  // namespace

bool IsToRun(const Instance& instance) {
  return instance.wanted_running && instance.membership != topology::Membership::kJoining;
}

ExpectedHost ExpectOn(const Sources& sources, const std::string& machine,
                      const clusters::HostBefore& before) {
  const topology::Cluster& cluster = sources.record->cluster;
  ExpectedHost host;
  host.machine = machine;
  host.user = cluster.user;
  host.group = cluster.group;
  host.public_key = clusters::LoginLine(cluster, sources.record->public_key);
  for (const auto* instance : cluster.OnMachine(machine)) {
    const auto rendered = sources.rendered->find(instance->name);
    if (rendered != sources.rendered->end()) AddFiles(*instance, rendered->second, &host);
    AddPrograms(*instance, *sources.package, before, &host);
    host.units.push_back(
        {instance, instance->PathOf(components::TraitsOf(instance->component).program_path())});
  }
  AddDirs(cluster, machine, &host);
  AddNames(&host);
  return host;
}

ExpectedHost ExpectForeignOn(const topology::Cluster& cluster, const std::string& machine) {
  ExpectedHost host;
  host.machine = machine;
  host.user = cluster.user;
  host.group = cluster.group;
  for (const auto* instance : cluster.OnMachine(machine)) host.units.push_back({instance, ""});
  return host;
}

hv1::Survey SurveyFor(const ExpectedHost& host) {
  hv1::Survey survey;
  survey.set_user(host.user);
  survey.set_group(host.group);
  survey.set_public_key(host.public_key);
  for (const auto& file : host.files) survey.add_files(file.path);
  for (const auto& dir : host.dirs) {
    auto* asked = survey.add_dirs();
    asked->set_path(dir.path);
    asked->set_list(dir.is_ours);
  }
  for (const auto& release : host.releases) {
    auto* asked = survey.add_releases();
    asked->set_store_dir(release.store_dir);
    asked->set_hash(release.hash);
  }
  for (const auto& placed : host.placed) *survey.add_placed() = placed.asked;
  for (const auto& unit : host.units) {
    auto* asked = survey.add_units();
    asked->set_name(unit.instance->Unit());
    asked->set_program(unit.program);
    for (const int port : unit.instance->Ports()) {
      survey.add_ports(static_cast<std::uint32_t>(port));
    }
  }
  return survey;
}

}  // namespace dmgr::verify

#include "server/clusters/placement.h"

#include <algorithm>
#include <utility>

#include "common/enum_words.h"
#include "server/package/program_version.h"

namespace dmgr::clusters {
namespace {

using topology::Component;

void AddUnique(std::vector<std::string>& list, const std::string& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

}  // namespace

std::vector<std::string> DirsOf(const topology::Instance& instance) {
  const std::string& deploy = instance.deploy_dir;
  std::vector<std::string> dirs = {deploy,           deploy + "/bin",   deploy + "/scripts",
                                   deploy + "/conf", instance.data_dir, instance.log_dir};
  if (instance.component == Component::kGrafana) {
    for (const char* name : {"/plugins", "/dashboards", "/provisioning",
                             "/provisioning/datasources", "/provisioning/dashboards"}) {
      dirs.push_back(deploy + name);
    }
  }
  return dirs;
}

std::vector<hv1::Dir> DirsToMake(const topology::Cluster& cluster, const std::string& machine_id) {
  std::vector<hv1::Dir> dirs;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    for (const auto& path : DirsOf(*instance)) {
      hv1::Dir dir;
      dir.set_path(path);
      dir.set_mode(0755);
      dir.set_owner(cluster.user);
      dir.set_group(cluster.group);
      dirs.push_back(std::move(dir));
    }
  }
  return dirs;
}

const v1::PackageComponent* FindComponent(const v1::Package& package, std::string_view component) {
  for (const auto& part : package.components()) {
    if (ToWord(part.component()) == component) return &part;
  }
  return nullptr;
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
  const std::string_view program = package::ProgramOf(topology::Name(instance.component));
  std::vector<hv1::Placement> placements;
  for (const auto& source : sources) {
    if (source == "plugins") continue;  // Grafana writes there.
    hv1::Placement placement;
    const bool patched = source == program && !instance.patch.empty();
    placement.set_hash(patched ? instance.patch : release.release_hash());
    placement.set_source(source);
    placement.set_target(instance.deploy_dir + "/" + source);
    placements.push_back(std::move(placement));
  }
  return placements;
}

std::vector<hv1::CheckFile> ChecksOf(const topology::Cluster& cluster,
                                     const topology::Instance& instance,
                                     const v1::PackageComponent& release,
                                     const std::string& store_dir) {
  hv1::CheckFile check;
  if (instance.component == Component::kPrometheus) {
    check.set_program("bin/promtool");
    for (const char* word : {"check", "config"}) check.add_arguments(word);
    if (instance.monitoring.enable_prom_agent_mode()) check.add_arguments("--agent");
    // With the rules that it names.
    check.set_path(instance.deploy_dir + "/conf/prometheus.yml");
  } else if (instance.component == Component::kAlertmanager) {
    check.set_program("bin/amtool");
    check.add_arguments("check-config");
    check.set_path(instance.deploy_dir + "/conf/alertmanager.yml");
  }
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

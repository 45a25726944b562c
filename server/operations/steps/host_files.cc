#include "server/operations/steps/host_files.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/components/traits.h"
#include "common/error.h"
#include "server/clusters/record.h"
#include "server/operations/steps/install.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

std::string UnitPathOf(const std::string& unit) { return "/etc/systemd/system/" + unit; }

unsigned ModeOf(const render::RenderedFile& file) { return file.secret ? 0600 : file.mode; }

void AddRemoval(const topology::Cluster& cluster, const std::vector<std::string>& paths,
                hv1::Batch* batch) {
  if (paths.empty()) return;
  auto* removal = batch->add_requests()->mutable_remove_paths();
  removal->set_user(cluster.user);
  for (const auto& path : paths) removal->add_files(path);
}

// What is on the host now.
struct Seen {
  std::map<std::string, hv1::File> files;
  hv1::UnitState unit;
};

absl::StatusOr<Seen> Look(const WantedFiles& wanted, const CallHost& call) {
  hv1::ToHost request;
  auto* read = request.mutable_batch()->add_requests()->mutable_read_files();
  for (const auto& file : wanted.rendered.files) read->add_paths(file.path);
  for (const auto& path : wanted.stale) read->add_paths(path);
  read->add_paths(UnitPathOf(wanted.rendered.unit_name));
  request.mutable_batch()->add_requests()->mutable_query_units()->add_units(
      wanted.rendered.unit_name);
  ASSIGN_OR_RETURN(auto reply, call(std::move(request)));
  Seen seen;
  for (auto& part : *reply.mutable_batch()->mutable_replies()) {
    for (auto& file : *part.mutable_read_files()->mutable_files()) {
      const std::string path = file.path();
      seen.files[path] = std::move(file);
    }
    if (part.unit_states().units_size() == 1) seen.unit = part.unit_states().units(0);
  }
  return seen;
}

}  // namespace

absl::StatusOr<render::RenderedInstance> RenderNamed(const Resources& resources,
                                                     const store::ClusterRecord& record,
                                                     const std::string& instance,
                                                     const render::PackageFiles& files) {
  for (const auto& one : record.cluster.instances) {
    if (one.name == instance) return clusters::RenderOne(resources, record, one, files);
  }
  return Error(absl::StatusCode::kInternal, "INSTANCE_MISSING", "cluster {} has no instance {}",
               record.cluster.name, instance);
}

bool IsSame(const render::RenderedInstance& one, const render::RenderedInstance& other) {
  return one.unit_content == other.unit_content &&
         std::equal(one.files.begin(), one.files.end(), other.files.begin(), other.files.end(),
                    [](const render::RenderedFile& a, const render::RenderedFile& b) {
                      return a.path == b.path && a.mode == b.mode && a.content == b.content;
                    });
}

absl::StatusOr<WantedFiles> WantedFilesOf(const Resources& resources,
                                          const store::ClusterRecord& record,
                                          const store::ClusterRecord& desired,
                                          const std::string& instance,
                                          const render::PackageFiles& files) {
  WantedFiles wanted;
  for (const auto& one : desired.cluster.instances) {
    if (one.name == instance) wanted.instance = &one;
  }
  ASSIGN_OR_RETURN(wanted.rendered, RenderNamed(resources, desired, instance, files));
  ASSIGN_OR_RETURN(const auto old, RenderNamed(resources, record, instance, files));
  for (const auto& file : old.files) {
    const auto& fresh = wanted.rendered.files;
    const bool stays = std::any_of(fresh.begin(), fresh.end(),
                                   [&](const auto& other) { return other.path == file.path; });
    if (!stays) wanted.stale.push_back(file.path);
  }
  return wanted;
}

absl::StatusOr<Difference> DifferenceOf(const topology::Cluster& cluster, const WantedFiles& wanted,
                                        const CallHost& call) {
  ASSIGN_OR_RETURN(const Seen seen, Look(wanted, call));
  Difference difference;
  hv1::WriteFiles old_files;
  std::vector<std::string> absent;
  const auto differs = [&](const std::string& path) {
    difference.paths.push_back(path);
    const auto old = seen.files.find(path);
    if (old == seen.files.end()) return absent.push_back(path);
    auto* file = old_files.add_files();
    *file = old->second;
    file->set_owner(cluster.user);
    file->set_group(cluster.group);
  };
  for (const auto& file : wanted.rendered.files) {
    const auto old = seen.files.find(file.path);
    if (old != seen.files.end() && old->second.content() == file.content &&
        old->second.mode() == ModeOf(file)) {
      continue;
    }
    differs(file.path);
  }
  for (const auto& path : wanted.stale) {
    if (seen.files.contains(path)) differs(path);
  }
  const Instance& instance = *wanted.instance;
  const std::string conf = instance.deploy_dir + "/conf/";
  difference.is_reloadable = !components::TraitsOf(instance.component).reload_metrics.empty() &&
                             std::all_of(difference.paths.begin(), difference.paths.end(),
                                         [&](const auto& path) { return path.starts_with(conf); });
  if (old_files.files_size() > 0) {
    *difference.restore.add_requests()->mutable_write_files() = std::move(old_files);
  }
  AddRemoval(cluster, absent, &difference.restore);
  const std::string unit_path = UnitPathOf(wanted.rendered.unit_name);
  const auto unit = seen.files.find(unit_path);
  if (unit == seen.files.end() || unit->second.content() != wanted.rendered.unit_content) {
    difference.paths.push_back(unit_path);
    difference.is_reloadable = false;
    if (unit != seen.files.end()) {
      auto* old = difference.restore.add_requests()->mutable_install_units()->add_units();
      old->set_name(wanted.rendered.unit_name);
      old->set_content(unit->second.content());
      old->set_enabled(seen.unit.enabled());
    }
  }
  return difference;
}

hv1::ToHost WriteRequest(const topology::Cluster& cluster, const WantedFiles& wanted,
                         bool enabled) {
  hv1::ToHost request;
  auto* batch = request.mutable_batch();
  AddFiles(cluster, wanted.rendered, batch->add_requests()->mutable_write_files());
  AddRemoval(cluster, wanted.stale, batch);
  auto* unit = batch->add_requests()->mutable_install_units()->add_units();
  unit->set_name(wanted.rendered.unit_name);
  unit->set_content(wanted.rendered.unit_content);
  unit->set_enabled(enabled);
  return request;
}

absl::StatusOr<std::vector<std::string>> ChangedInstances(const Resources& resources,
                                                          const store::ClusterRecord& now,
                                                          const store::ClusterRecord& then) {
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(now)));
  std::vector<std::string> changed;
  for (const auto& instance : now.cluster.instances) {
    ASSIGN_OR_RETURN(const auto old, RenderNamed(resources, now, instance.name, files));
    ASSIGN_OR_RETURN(const auto fresh, RenderNamed(resources, then, instance.name, files));
    if (!IsSame(old, fresh)) changed.push_back(instance.name);
  }
  return changed;
}

}  // namespace dmgr::operations

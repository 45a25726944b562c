#include "server/instances/paths.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/components/traits.h"
#include "common/error.h"
#include "server/clusters/checks.h"

namespace dmgr::instances {
namespace {

constexpr std::size_t kMaxPath = 4000;
constexpr std::size_t kMaxName = 255;

// Whatever the cluster.
constexpr const char* kOfTheHost[] = {"/etc/systemd/system", "/etc/sudoers.d", "/var/lib/dmgr"};

// What an instance's folders have of dmgr's or its own.
std::vector<std::string> DirsOnRecord(const topology::Instance& instance) {
  const auto& traits = components::TraitsOf(instance.component);
  std::vector<std::string> dirs = {instance.data_dir};
  for (const char* dir : {"bin", "scripts", "conf"})
    dirs.push_back(instance.deploy_dir + "/" + dir);
  for (const auto& texts : {traits.dirs, traits.trees}) {
    for (const auto dir : texts) dirs.push_back(fmt::format("{}/{}", instance.deploy_dir, dir));
  }
  return dirs;
}

absl::Status Managed(const std::string& path, const std::string& what) {
  return Error(absl::StatusCode::kFailedPrecondition, "PATH_IS_MANAGED", "{} belongs to {}", path,
               what)
      .With("path", path)
      .Remedy(
          "choose another path; what dmgr has written is changed by a new configuration, a patch "
          "or an upgrade");
}

}  // namespace

absl::Status CheckHostPath(const std::string& path) {
  const std::vector<std::string> names =
      absl::StrSplit(ToAbsl(path).substr(path.empty() ? 0 : 1), '/');
  const bool names_fit = std::ranges::all_of(names, [](const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.size() <= kMaxName;
  });
  const bool plain =
      std::ranges::none_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (path.starts_with('/') && path.size() <= kMaxPath && names_fit && plain) {
    return absl::OkStatus();
  }
  constexpr char kWanted[] = "must be absolute, without . and .. and double slashes";
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "the path {}", kWanted)
      .Field("path", kWanted);
}

absl::Status CheckUnmanaged(const Resources& resources, const Targets& targets,
                            const std::string& path) {
  for (const char* dir : kOfTheHost) {
    if (topology::Contains(dir, path)) return Managed(path, "dmgr and the host");
  }
  for (const auto& instance : targets.record.cluster.instances) {
    if (targets.HostOf(instance) == targets.hosts.size()) continue;
    for (const auto& dir : DirsOnRecord(instance)) {
      if (topology::Contains(dir, path)) return Managed(path, instance.name);
    }
  }
  std::vector<topology::Occupied> occupied;
  std::vector<topology::MachineRef> machines;
  std::vector<std::pair<std::string, std::string>> identities;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(occupied, store::ListOccupied(tx));
    return clusters::ListMachineRefs(tx, &machines, &identities);
  }));
  const auto is_target = [&](const std::string& identity) {
    return std::ranges::any_of(targets.hosts, [&](const v1::StreamHost& host) {
      return std::ranges::find(identities, std::pair(host.machine_id(), identity)) !=
             identities.end();
    });
  };
  for (const auto& one : occupied) {
    if (one.cluster == targets.record.cluster.name || !is_target(one.identity)) continue;
    for (const auto& dir : one.dirs) {
      if (topology::Contains(dir, path)) return Managed(path, "cluster " + one.cluster);
    }
  }
  return absl::OkStatus();
}

}  // namespace dmgr::instances

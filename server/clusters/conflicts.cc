#include "server/clusters/conflicts.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/address.h"
#include "common/components/traits.h"
#include "server/clusters/placement.h"

namespace dmgr::clusters {
namespace {

using PathStates = std::map<std::string, const hv1::PathState*>;

std::string ParentOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

constexpr int kMaxNumaNodes = 1024;
// Where the run scripts find it.
constexpr const char* kNumactl[] = {"/usr/bin/numactl", "/usr/local/bin/numactl", "/bin/numactl"};

bool IsThere(const PathStates& states, const std::string& path) {
  const auto it = states.find(path);
  return it != states.end() && it->second->type() != hv1::PathState::TYPE_ABSENT;
}

PathStates StatesOf(const hv1::InspectReply& seen) {
  PathStates states;
  for (const auto& state : seen.paths()) states[state.path()] = &state;
  return states;
}

// Whether a host has to have the address itself.
bool IsOneHosts(const std::string& address) {
  return IsIpAddress(address) && address != "0.0.0.0" && address != "::";
}

void AddListenConflicts(const std::vector<const topology::Instance*>& instances,
                        const hv1::InspectReply& seen, std::vector<std::string>* conflicts) {
  for (const auto& address : seen.foreign_addresses()) {
    const bool wanted = std::any_of(instances.begin(), instances.end(), [&](const auto* instance) {
      return instance->listen_host == address;
    });
    if (wanted) {
      conflicts->push_back(fmt::format("listen_host {} is no address of this host", address));
    }
  }
}

// Where nothing can be written, or nothing that is there can be run; each file system once.
void AddFileSystemConflicts(const std::vector<const topology::Instance*>& instances,
                            const PathStates& states, std::vector<std::string>* conflicts) {
  std::set<std::uint64_t> read_only;
  std::set<std::uint64_t> no_exec;
  const auto check = [&](const hv1::FileSystem& has, const std::string& path, bool runs) {
    if (has.read_only() && read_only.insert(has.device()).second) {
      conflicts->push_back(fmt::format("{} is on a file system that is read-only", path));
    }
    if (runs && has.no_exec() && no_exec.insert(has.device()).second) {
      conflicts->push_back(fmt::format(
          "{} is on a file system that is mounted noexec: programs cannot run there", path));
    }
  };
  for (const auto* instance : instances) {
    for (const auto& dir : DirsOf(*instance)) {
      const auto it = states.find(dir);
      if (it != states.end()) check(it->second->file_system(), dir, dir == instance->deploy_dir);
    }
    const auto it = states.find(instance->deploy_dir);
    if (it == states.end()) continue;
    // Its checker is run from where releases are kept.
    const bool runs = !components::TraitsOf(instance->component).checker.program.empty();
    const std::string& parent = it->second->root_only_parent();
    check(it->second->store_file_system(), (parent == "/" ? "" : parent) + "/.dmgr", runs);
  }
}

void AddAccountConflicts(const topology::Cluster& cluster, const hv1::InspectReply& seen,
                         std::vector<std::string>* conflicts) {
  if (cluster.skip_create_user && !seen.user_exists()) {
    conflicts->push_back(
        fmt::format("user {} does not exist, and it is not to be created", cluster.user));
  }
  if (cluster.skip_create_user && !cluster.group.empty() && !seen.group_exists()) {
    conflicts->push_back(
        fmt::format("group {} does not exist, and it is not to be created: leave it out for the "
                    "user's own",
                    cluster.group));
  }
  if (!cluster.skip_create_user && !seen.user_exists() && seen.sudoers_exists()) {
    conflicts->push_back(
        fmt::format("/etc/sudoers.d has a file for {} already, who does not exist", cluster.user));
  }
}

// Who runs as somebody else's account has what that one has.
void AddForeignAccounts(const topology::Cluster& cluster, const hv1::InspectReply& seen,
                        const std::vector<std::string>& allowed,
                        std::vector<std::string>* conflicts) {
  const auto is_allowed = [&](const std::string& name) {
    return std::find(allowed.begin(), allowed.end(), name) != allowed.end();
  };
  constexpr const char* kRefused =
      "the {} {} of the host was not made by dmgr: choose another one, or have an admin allow it "
      "for this machine";
  // There is no other but the login.
  if (cluster.user_mode) return;
  if (seen.user_exists() && !seen.user_made() && !is_allowed(cluster.user)) {
    conflicts->push_back(fmt::format(kRefused, "user", cluster.user));
  }
  if (!cluster.group.empty() && seen.group_exists() && !seen.group_made() && !seen.is_member() &&
      !is_allowed(cluster.group)) {
    conflicts->push_back(fmt::format(kRefused, "group", cluster.group));
  }
}

// Without root, units outlive a login, and start at boot, only where root has said so once.
void AddUserInstanceConflicts(const hv1::InspectReply& seen, std::vector<std::string>* conflicts) {
  if (!seen.has_user_instance()) return;
  const auto& instance = seen.user_instance();
  if (!instance.lingers()) {
    conflicts->push_back(fmt::format(
        "what {0} runs ends when {0} logs out: have root say once on the host: loginctl "
        "enable-linger {0}",
        instance.user()));
  } else if (!instance.runs()) {
    conflicts->push_back(
        fmt::format("the systemd of user {} does not run, or does not answer", instance.user()));
  }
}

// Root, or none, on both sides; and without it directories can be made where the login may write.
void AddModeConflicts(const topology::Cluster& cluster, const hv1::InspectReply& seen,
                      const std::vector<const topology::Instance*>& instances,
                      const PathStates& states, std::vector<std::string>* conflicts) {
  if (cluster.user_mode != seen.has_user_instance()) {
    conflicts->push_back(
        cluster.user_mode ? "it is managed with root, and the cluster has systemd_mode \"user\""
                          : "it is managed without root: the cluster needs systemd_mode \"user\"");
  }
  if (!cluster.user_mode) return;
  std::set<std::string> told;
  for (const auto* instance : instances) {
    for (const auto& dir : DirsOf(*instance)) {
      const auto it = states.find(dir);
      if (it == states.end() || it->second->type() != hv1::PathState::TYPE_ABSENT) continue;
      const auto above = states.find(it->second->existing_parent());
      const std::string owner = above == states.end() ? "root" : above->second->owner();
      if (owner == cluster.user || !told.insert(it->second->existing_parent()).second) continue;
      conflicts->push_back(
          fmt::format("{} of {} cannot be made by {}: {} belongs to {}; name a directory in the "
                      "user's home, or have root make one for the user",
                      dir, instance->name, cluster.user, it->second->existing_parent(), owner));
    }
  }
}

// Whether the kernel's list, such as "0-3,8", has all of a list of the same form.
bool HasNodes(const std::string& list, const std::string& wanted) {
  const auto numbers = [](const std::string& text) {
    std::set<int> found;
    for (const auto part : absl::StrSplit(text, ',')) {
      const std::vector<std::string> ends = absl::StrSplit(part, '-');
      int first = 0;
      int last = 0;
      const bool known = absl::SimpleAtoi(ends.front(), &first) &&
                         absl::SimpleAtoi(ends.back(), &last) && first >= 0 && last < kMaxNumaNodes;
      // No kernel has this one.
      if (!known) found.insert(kMaxNumaNodes);
      for (int i = first; known && i <= last; ++i) found.insert(i);
    }
    return found;
  };
  const auto has = numbers(list);
  const auto wants = numbers(wanted);
  return std::includes(has.begin(), has.end(), wants.begin(), wants.end());
}

void AddNumaConflicts(const std::vector<const topology::Instance*>& instances,
                      const PathStates& states, const std::string& nodes,
                      std::vector<std::string>* conflicts) {
  const bool numactl = std::any_of(std::begin(kNumactl), std::end(kNumactl),
                                   [&](const char* path) { return IsThere(states, path); });
  for (const auto* instance : instances) {
    if (instance->numa_node.empty()) continue;
    if (!numactl) {
      conflicts->push_back(
          fmt::format("{} has a numa_node, and numactl is not installed", instance->name));
    }
    if (!nodes.empty() && !HasNodes(nodes, instance->numa_node)) {
      conflicts->push_back(fmt::format("{} has the numa_node {}, and the host has {}",
                                       instance->name, instance->numa_node, nodes));
    }
  }
}

// What is there already where the directories of a cluster are to be.
class DirChecker {
 public:
  // may_have_content: they are taken as they are.
  DirChecker(const topology::Cluster& cluster, const PathStates& states, bool may_have_content,
             std::vector<std::string>* conflicts)
      : cluster_(cluster),
        states_(states),
        may_have_content_(may_have_content),
        conflicts_(*conflicts) {}

  void Check(const std::vector<const topology::Instance*>& instances) {
    for (const auto* instance : instances) {
      for (const auto& dir : DirsOf(*instance)) {
        const auto it = states_.find(dir);
        if (it != states_.end()) CheckOne(*instance, dir, *it->second);
        for (std::string path = ParentOf(dir); path != "/"; path = ParentOf(path)) {
          CheckAbove(path);
        }
      }
    }
  }

 private:
  void CheckOne(const topology::Instance& instance, const std::string& dir,
                const hv1::PathState& state) {
    const bool is_deploy_dir = dir == instance.deploy_dir;
    if (state.type() == hv1::PathState::TYPE_ABSENT) return;
    if (!state.blocked_by().empty()) {
      CheckBlocked(state);
    } else if (state.type() != hv1::PathState::TYPE_DIRECTORY) {
      conflicts_.push_back(fmt::format("{} of {} is not a directory", dir, instance.name));
    } else if (may_have_content_) {
      // Who owns it the far end sees when it makes what is missing.
      return;
    } else if (!is_deploy_dir && !state.empty()) {
      conflicts_.push_back(fmt::format("{} of {} is not empty", dir, instance.name));
    } else if (state.owner() != cluster_.user && !(state.empty() && IsMountPoint(state))) {
      conflicts_.push_back(
          fmt::format("{} of {} is there and belongs to {}, not to {}: give it to {}, or name one "
                      "that is not there",
                      dir, instance.name, state.owner(), cluster_.user, cluster_.user));
    }
  }

  // A disk that was mounted for this.
  bool IsMountPoint(const hv1::PathState& state) const {
    const std::string parent = ParentOf(state.path());
    const auto above = states_.find(parent);
    return above != states_.end() &&
           above->second->file_system().device() != state.file_system().device();
  }

  // Whoever may rename what is in it, could put something else in the place of our files.
  void CheckAbove(const std::string& path) {
    const auto it = states_.find(path);
    if (it == states_.end() || it->second->type() != hv1::PathState::TYPE_DIRECTORY) return;
    const hv1::PathState& state = *it->second;
    const bool is_sticky = (state.mode() & S_ISVTX) != 0;
    std::string who;
    if (state.owner() != "root" && state.owner() != cluster_.user) {
      who = state.owner();
    } else if (state.owner() == "root" && (state.mode() & (S_IWGRP | S_IWOTH)) != 0 && !is_sticky) {
      who = (state.mode() & S_IWOTH) != 0 ? "everybody" : "its group";
    } else if ((state.mode() & S_IWOTH) != 0 && !is_sticky) {
      who = "everybody";
    }
    if (who.empty() || !blocks_.insert(path).second) return;
    conflicts_.push_back(fmt::format(
        "{} can be changed by {}: what is below it is not safe from them; name another directory, "
        "or give it to root alone",
        path, who));
  }

  // Once for all that would be below it.
  void CheckBlocked(const hv1::PathState& state) {
    const std::string& by = state.blocked_by();
    if (!blocks_.insert(by).second) return;
    if (state.link_target().empty()) {
      conflicts_.push_back(fmt::format("{} is not a directory", by));
      return;
    }
    const auto link = states_.find(by);
    const std::string owner = link == states_.end() ? "" : link->second->owner();
    conflicts_.push_back(
        fmt::format("{} is a link to {} that {} can change: name the directory "
                    "itself",
                    by, state.link_target(), owner == cluster_.user ? owner : "others than root"));
  }

  const topology::Cluster& cluster_;
  const PathStates& states_;
  const bool may_have_content_;
  std::vector<std::string>& conflicts_;
  std::set<std::string> blocks_;
};

}  // namespace

hv1::Inspect InspectionOf(const topology::Cluster& cluster, const std::string& machine_id) {
  hv1::Inspect inspect;
  inspect.set_user(cluster.user);
  inspect.set_group(cluster.group);
  std::set<std::string> paths;
  std::set<std::string> addresses;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    for (const auto& dir : DirsOf(*instance)) {
      for (std::string path = dir; path != "/"; path = ParentOf(path)) paths.insert(path);
    }
    if (IsOneHosts(instance->listen_host)) addresses.insert(instance->listen_host);
    if (!instance->numa_node.empty()) paths.insert(std::begin(kNumactl), std::end(kNumactl));
    inspect.add_units(instance->Unit());
    for (int port : instance->Ports()) inspect.add_ports(static_cast<std::uint32_t>(port));
  }
  for (const auto& path : paths) inspect.add_paths(path);
  for (const auto& address : addresses) inspect.add_listen_addresses(address);
  return inspect;
}

std::vector<std::string> StartConflicts(const std::vector<const topology::Instance*>& instances,
                                        const hv1::InspectReply& seen) {
  std::vector<std::string> conflicts;
  for (const auto* instance : instances) {
    for (int port : instance->Ports()) {
      for (const auto& state : seen.ports()) {
        if (static_cast<int>(state.port()) != port || state.unit() == instance->Unit()) continue;
        conflicts.push_back(fmt::format(
            "port {} of {} {} is in use by {}", port, topology::Name(instance->component),
            instance->name,
            state.listener().empty() ? std::string("another process") : state.listener()));
      }
    }
  }
  AddUserInstanceConflicts(seen, &conflicts);
  AddListenConflicts(instances, seen, &conflicts);
  AddFileSystemConflicts(instances, StatesOf(seen), &conflicts);
  return conflicts;
}

std::vector<std::string> DeployConflicts(const topology::Cluster& cluster,
                                         const std::string& machine_id,
                                         const hv1::InspectReply& seen,
                                         const std::vector<std::string>& allowed) {
  const auto instances = cluster.OnMachine(machine_id);
  std::vector<std::string> conflicts = StartConflicts(instances, seen);
  AddAccountConflicts(cluster, seen, &conflicts);
  AddForeignAccounts(cluster, seen, allowed, &conflicts);
  for (const auto& unit : seen.units()) {
    if (unit.loaded()) {
      conflicts.push_back(fmt::format("unit {} is there already", unit.unit()));
    }
  }
  const PathStates states = StatesOf(seen);
  AddModeConflicts(cluster, seen, instances, states, &conflicts);
  AddNumaConflicts(instances, states, seen.numa_nodes(), &conflicts);
  DirChecker(cluster, states, /*may_have_content=*/false, &conflicts).Check(instances);
  return conflicts;
}

std::vector<std::string> TakeoverConflicts(const topology::Cluster& cluster,
                                           const std::string& machine_id,
                                           const hv1::InspectReply& seen) {
  const auto instances = cluster.OnMachine(machine_id);
  std::vector<std::string> conflicts = StartConflicts(instances, seen);
  AddAccountConflicts(cluster, seen, &conflicts);
  const PathStates states = StatesOf(seen);
  AddModeConflicts(cluster, seen, instances, states, &conflicts);
  AddNumaConflicts(instances, states, seen.numa_nodes(), &conflicts);
  DirChecker(cluster, states, /*may_have_content=*/true, &conflicts).Check(instances);
  return conflicts;
}

}  // namespace dmgr::clusters

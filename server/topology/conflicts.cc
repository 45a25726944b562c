#include <fmt/format.h>

#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "common/components/traits.h"
#include "server/topology/draft.h"

namespace dmgr::topology {
namespace {

constexpr std::string_view kDeployDir = "placement.deploy_dir";
constexpr std::string_view kDataDir = "placement.data_dir";
constexpr std::string_view kLogDir = "placement.log_dir";
// What dmgr keeps for itself in a deploy directory, whichever component's it is.
const std::set<std::string_view>& OwnDirs() {
  static const auto* const kDirs = [] {
    auto* dirs = new std::set<std::string_view>{"bin", "scripts", "conf"};
    for (const Component component : kComponents) {
      const components::Traits& traits = components::TraitsOf(component);
      dirs->insert(traits.dirs.begin(), traits.dirs.end());
      dirs->insert(traits.trees.begin(), traits.trees.end());
    }
    std::erase_if(*dirs, [](std::string_view dir) { return dir.find('/') != dir.npos; });
    return dirs;
  }();
  return *kDirs;
}

using Problems = std::vector<Problem>;

// A key of the maps below: something on a host.
template <typename T>
using OnHost = std::pair<std::string, T>;

struct NamedPort {
  std::string_view field;
  int port;
};

std::vector<NamedPort> PortsOf(const Draft& draft) {
  std::vector<NamedPort> ports;
  for (const components::Port& one : components::TraitsOf(draft.instance.component).ports) {
    const int port = draft.instance.PortFor(one.use);
    if (port > 0 && port <= 65535) ports.push_back({one.field, port});
  }
  return ports;
}

struct NamedDir {
  std::string_view field;
  std::string path;
};

std::vector<NamedDir> DirsOf(const Draft& draft) {
  std::vector<NamedDir> dirs;
  if (!draft.bad_deploy_dir) dirs.push_back({kDeployDir, draft.instance.deploy_dir});
  if (!draft.bad_data_dir) dirs.push_back({kDataDir, draft.instance.data_dir});
  if (!draft.bad_log_dir) dirs.push_back({kLogDir, draft.instance.log_dir});
  return dirs;
}

// Those that are not inside another one of the same instance: when any two directories of two
// instances overlap, then so do two of these.
std::vector<NamedDir> OuterDirsOf(const Draft& draft) {
  const std::vector<NamedDir> dirs = DirsOf(draft);
  std::vector<NamedDir> outer;
  for (std::size_t i = 0; i < dirs.size(); ++i) {
    bool inside = false;
    for (std::size_t j = 0; j < dirs.size(); ++j) {
      if (i == j || !Contains(dirs[j].path, dirs[i].path)) continue;
      inside = inside || dirs[i].path != dirs[j].path || j < i;
    }
    if (!inside) outer.push_back(dirs[i]);
  }
  return outer;
}

// Calls with path and each of its ancestors, "/" included.
template <typename Function>
void ForEachAncestor(std::string path, Function function) {
  while (true) {
    function(path);
    if (path == "/") return;
    const std::size_t slash = path.rfind('/');
    path = slash == 0 ? "/" : path.substr(0, slash);
  }
}

void CheckNames(const std::vector<Draft>& drafts, Problems* problems) {
  std::unordered_map<std::string, const Draft*> names;
  std::unordered_map<std::string, const Draft*> addresses;
  for (const Draft& draft : drafts) {
    const auto [name, new_name] = names.emplace(draft.instance.name, &draft);
    if (!new_name) {
      problems->push_back(
          {draft.Field("name"),
           fmt::format("{} is also the name of {}", draft.instance.DmName(), name->second->field)});
    }
    const auto [address, new_address] = addresses.emplace(draft.instance.NodeId(), &draft);
    if (!new_address && address->second->identity != draft.identity) {
      problems->push_back(
          {draft.Field("placement.host"),
           fmt::format("{} is also the address of {}, on another machine; the other instances "
                       "could not tell them apart",
                       draft.instance.NodeId(), address->second->field)});
    }
  }
}

// A far end serves one cluster per host: two ways to one host would fence each other off.
void CheckAliases(const std::vector<Draft>& drafts, Problems* problems) {
  std::unordered_map<std::string, const Draft*> first;
  for (const Draft& draft : drafts) {
    const auto [it, added] = first.emplace(draft.identity, &draft);
    const Instance& other = it->second->instance;
    if (added || other.machine_id == draft.instance.machine_id) continue;
    problems->push_back(
        {draft.Field("placement.host"),
         fmt::format("machine {} is the same host as machine {} of {}; use one of the two for all "
                     "instances on it",
                     draft.instance.machine_id, other.machine_id, it->second->field)});
  }
}

void CheckPorts(const std::vector<Draft>& drafts, Problems* problems) {
  std::map<OnHost<int>, std::string> held;
  for (const Draft& draft : drafts) {
    for (const NamedPort& port : PortsOf(draft)) {
      const auto [it, added] =
          held.emplace(OnHost<int>(draft.identity, port.port), draft.Field(port.field));
      if (added) continue;
      problems->push_back(
          {draft.Field(port.field), fmt::format("port {} on host {} is also {}", port.port,
                                                draft.instance.host, it->second)});
    }
  }
}

// The directories of one instance among themselves.
void CheckOwnDirs(const Draft& draft, Problems* problems) {
  const Instance& instance = draft.instance;
  const std::size_t before = problems->size();
  for (const NamedDir& dir : DirsOf(draft)) {
    if (dir.field == kDeployDir || draft.bad_deploy_dir) continue;
    if (Contains(dir.path, instance.deploy_dir)) {
      problems->push_back({draft.Field(dir.field), fmt::format("{} holds the deploy directory {}",
                                                               dir.path, instance.deploy_dir)});
    }
    for (std::string_view own : OwnDirs()) {
      const std::string kept = fmt::format("{}/{}", instance.deploy_dir, own);
      if (!Contains(kept, dir.path)) continue;
      problems->push_back(
          {draft.Field(dir.field),
           fmt::format("{} is in {}, which dmgr keeps for itself", dir.path, kept)});
    }
  }
  // The overlap would mostly be the same mistake again.
  if (problems->size() > before || draft.bad_data_dir || draft.bad_log_dir) return;
  if (Contains(instance.data_dir, instance.log_dir) ||
      Contains(instance.log_dir, instance.data_dir)) {
    problems->push_back(
        {draft.Field(kLogDir), fmt::format("the log directory {} and the data directory {} overlap",
                                           instance.log_dir, instance.data_dir)});
  }
}

std::string Overlap(const std::string& path, const std::string& outer) {
  return path == outer ? fmt::format("{} is also", path)
                       : fmt::format("{} is inside {}, which is", path, outer);
}

void CheckDirs(const std::vector<Draft>& drafts, Problems* problems) {
  struct Owner {
    const Draft* draft;
    std::string_view field;
  };
  std::map<OnHost<std::string>, Owner> owners;
  for (const Draft& draft : drafts) {
    CheckOwnDirs(draft, problems);
    for (const NamedDir& dir : OuterDirsOf(draft)) {
      owners.emplace(OnHost<std::string>(draft.identity, dir.path), Owner{&draft, dir.field});
    }
  }
  for (const Draft& draft : drafts) {
    for (const NamedDir& dir : OuterDirsOf(draft)) {
      ForEachAncestor(dir.path, [&](const std::string& outer) {
        const auto it = owners.find(OnHost<std::string>(draft.identity, outer));
        if (it == owners.end() || it->second.draft == &draft) return;
        problems->push_back(
            {draft.Field(dir.field), fmt::format("{} {} on the same host", Overlap(dir.path, outer),
                                                 it->second.draft->Field(it->second.field))});
      });
    }
  }
}

// What other clusters hold on the hosts of this one.
class Others {
 public:
  Others(const std::vector<Draft>& drafts, const std::vector<Occupied>& occupied) {
    std::unordered_set<std::string_view> hosts;
    for (const Draft& draft : drafts) hosts.insert(draft.identity);
    for (const Occupied& holder : occupied) {
      if (hosts.count(holder.identity) == 0) continue;
      for (int port : holder.ports) ports_.emplace(OnHost<int>(holder.identity, port), &holder);
      for (const std::string& dir : holder.dirs) {
        dirs_.emplace(OnHost<std::string>(holder.identity, dir), &holder);
        ForEachAncestor(dir, [&](const std::string& outer) {
          above_.emplace(OnHost<std::string>(holder.identity, outer), Inner{&holder, dir});
        });
      }
    }
  }

  void CheckPorts(const Draft& draft, Problems* problems) const {
    for (const NamedPort& port : PortsOf(draft)) {
      const auto it = ports_.find(OnHost<int>(draft.identity, port.port));
      if (it == ports_.end()) continue;
      problems->push_back(
          {draft.Field(port.field), fmt::format("port {} on host {} belongs to {}", port.port,
                                                draft.instance.host, Text(*it->second))});
    }
  }

  void CheckDirs(const Draft& draft, Problems* problems) const {
    for (const NamedDir& dir : OuterDirsOf(draft)) {
      std::unordered_set<const Occupied*> reported;
      ForEachAncestor(dir.path, [&](const std::string& outer) {
        const auto it = dirs_.find(OnHost<std::string>(draft.identity, outer));
        if (it == dirs_.end() || !reported.insert(it->second).second) return;
        problems->push_back(
            {draft.Field(dir.field), fmt::format("{} a directory of {} on the same host",
                                                 Overlap(dir.path, outer), Text(*it->second))});
      });
      const auto inner = above_.find(OnHost<std::string>(draft.identity, dir.path));
      if (inner == above_.end() || !reported.insert(inner->second.holder).second) continue;
      problems->push_back({draft.Field(dir.field),
                           fmt::format("{} holds {}, a directory of {} on the same host", dir.path,
                                       inner->second.dir, Text(*inner->second.holder))});
    }
  }

 private:
  struct Inner {
    const Occupied* holder;
    std::string dir;
  };

  static std::string Text(const Occupied& holder) {
    return fmt::format("instance {} of cluster {}", holder.instance, holder.cluster);
  }

  std::map<OnHost<int>, const Occupied*> ports_;
  std::map<OnHost<std::string>, const Occupied*> dirs_;
  // Every path that is or holds a directory of another cluster, with one that it holds.
  std::map<OnHost<std::string>, Inner> above_;
};

}  // namespace

void NameBesideMasters(const Cluster* existing, std::vector<Draft>* drafts) {
  std::unordered_set<std::string> masters;
  if (existing != nullptr) {
    for (const Instance* master : existing->Of(Component::kDmMaster)) masters.insert(master->name);
  }
  for (const Draft& draft : *drafts) {
    if (draft.instance.component == Component::kDmMaster) masters.insert(draft.instance.name);
  }
  for (Draft& draft : *drafts) {
    Instance& instance = draft.instance;
    if (instance.component != Component::kDmWorker || !masters.contains(instance.name)) continue;
    instance.name = NameBesideMaster(instance.name);
  }
}

void CheckConflicts(const std::vector<Draft>& drafts, const std::vector<Occupied>& occupied,
                    Problems* problems) {
  CheckNames(drafts, problems);
  CheckAliases(drafts, problems);
  CheckPorts(drafts, problems);
  CheckDirs(drafts, problems);
  const Others others(drafts, occupied);
  for (const Draft& draft : drafts) {
    others.CheckPorts(draft, problems);
    others.CheckDirs(draft, problems);
  }
}

void CheckNew(const std::vector<Draft>& drafts, const Cluster& cluster,
              std::vector<Problem>* problems) {
  for (const Draft& draft : drafts) {
    for (const Instance& other : cluster.instances) {
      const bool same_role = other.component == draft.instance.component;
      if (other.name != draft.instance.name &&
          !(same_role && other.DmName() == draft.instance.DmName())) {
        continue;
      }
      problems->push_back({draft.Field("name"), fmt::format("cluster {} has an instance {} already",
                                                            cluster.name, other.name)});
    }
  }
}

}  // namespace dmgr::topology

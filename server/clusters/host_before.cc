#include "server/clusters/host_before.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/error.h"
#include "server/clusters/placement.h"

namespace dmgr::clusters {

HostBefore MakeBefore(const topology::Cluster& cluster, const std::string& machine_id,
                      const hv1::InspectReply& seen) {
  HostBefore before;
  before.user_existed = seen.user_exists();
  before.group_existed = seen.group_exists();
  std::map<std::string, const hv1::PathState*> states;
  for (const auto& state : seen.paths()) {
    states[state.path()] = &state;
    if (state.type() == hv1::PathState::TYPE_ABSENT) before.absent.push_back(state.path());
  }
  std::map<std::uint64_t, std::string> store_of_device;
  for (const auto* instance : cluster.OnMachine(machine_id)) {
    auto it = states.find(instance->deploy_dir);
    if (it == states.end()) continue;
    const std::string& parent = it->second->root_only_parent();
    auto [store, added] = store_of_device.emplace(
        it->second->device(), (parent == "/" ? "" : parent) + "/.dmgr/releases");
    before.stores[instance->deploy_dir] = store->second;
  }
  return before;
}

std::string ToJson(const HostBefore& before) {
  return nlohmann::json{{"user_existed", before.user_existed},
                        {"group_existed", before.group_existed},
                        {"absent", before.absent},
                        {"stores", before.stores}}
      .dump();
}

absl::StatusOr<HostBefore> HostBeforeFromJson(const std::string& json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  HostBefore before;
  try {
    parsed.at("user_existed").get_to(before.user_existed);
    parsed.at("group_existed").get_to(before.group_existed);
    parsed.at("absent").get_to(before.absent);
    parsed.at("stores").get_to(before.stores);
  } catch (const nlohmann::json::exception& e) {
    return Error(absl::StatusCode::kInternal, "HOST_RECORD_UNREADABLE",
                 "the record of what was on the host before cannot be read: {}", e.what());
  }
  return before;
}

HostBefore Merge(const HostBefore& first, const HostBefore& later) {
  HostBefore merged = first;
  for (const auto& path : later.absent) {
    const auto& known = first.absent;
    if (std::find(known.begin(), known.end(), path) == known.end()) merged.absent.push_back(path);
  }
  merged.stores.insert(later.stores.begin(), later.stores.end());
  return merged;
}

HostBefore Reduce(const HostBefore& before, const topology::Cluster& left,
                  const std::string& machine_id) {
  HostBefore reduced = before;
  reduced.stores.clear();
  std::vector<std::string> dirs;
  for (const auto* instance : left.OnMachine(machine_id)) {
    for (auto& dir : DirsOf(*instance)) dirs.push_back(std::move(dir));
    auto store = before.stores.find(instance->deploy_dir);
    if (store != before.stores.end()) reduced.stores.insert(*store);
  }
  std::erase_if(reduced.absent, [&](const std::string& path) {
    return std::none_of(dirs.begin(), dirs.end(),
                        [&](const std::string& dir) { return topology::Contains(path, dir); });
  });
  return reduced;
}

}  // namespace dmgr::clusters

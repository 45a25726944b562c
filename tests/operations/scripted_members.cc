#include "tests/operations/scripted_members.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "common/address.h"

namespace dmgr::test {

using topology::Cluster;
using topology::Component;
using topology::Instance;

bool ScriptedMembers::Runs(const Instance& instance) const {
  const auto host = hosts_.find(instance.machine_id);
  return host != hosts_.end() && host->second->Runs(instance.Unit());
}

int ScriptedMembers::StartNumber(const Instance& instance) const {
  return hosts_.at(instance.machine_id)->StartNumber(instance.Unit());
}

bool ScriptedMembers::IsEvicted(const Instance& master) const {
  const auto asked = evicted_.find(master.name);
  return asked != evicted_.end() && asked->second == StartNumber(master);
}

const Instance* ScriptedMembers::Leader() const {
  std::vector<const Instance*> alive;
  for (const auto& [name, master] : masters_) {
    if (Runs(master)) alive.push_back(&master);
  }
  if (alive.size() < masters_.size() / 2 + 1) return nullptr;
  const auto willing = std::find_if(alive.begin(), alive.end(),
                                    [&](const Instance* master) { return !IsEvicted(*master); });
  return willing == alive.end() ? alive.front() : *willing;
}

void ScriptedMembers::ForgetMastersIfAllStopped() {
  const bool any = std::ranges::any_of(masters_, [&](const auto& one) {
    return Runs(one.second) && StartNumber(one.second) == starts_.at(one.first);
  });
  if (any) return;
  masters_.clear();
  starts_.clear();
  evicted_.clear();
}

std::string ScriptedMembers::SourceOf(const std::string& worker) const {
  for (const auto& [source, taker] : bound_) {
    if (taker == worker) return source;
  }
  return {};
}

void ScriptedMembers::MoveSources() {
  for (auto& [source, worker] : bound_) {
    const auto taker = workers_.find(worker);
    if (taker != workers_.end() && Runs(taker->second)) continue;
    for (const auto& [name, other] : workers_) {
      if (!Runs(other) || !SourceOf(name).empty()) continue;
      worker = name;
      break;
    }
  }
}

void ScriptedMembers::Bind(const std::string& source, const std::string& worker) {
  const std::lock_guard lock(mutex_);
  bound_[source] = worker;
}

void ScriptedMembers::Unbind(const std::string& source) {
  const std::lock_guard lock(mutex_);
  bound_.erase(source);
}

std::string ScriptedMembers::WorkerOf(const std::string& source) {
  const std::lock_guard lock(mutex_);
  const auto bound = bound_.find(source);
  return bound == bound_.end() ? "" : bound->second;
}

void ScriptedMembers::SayVersion(const std::string& version) {
  const std::lock_guard lock(mutex_);
  version_ = version;
}

void ScriptedMembers::Add(const Instance& worker) {
  const std::lock_guard lock(mutex_);
  workers_[worker.name] = worker;
}

std::string ScriptedMembers::State() {
  {
    // DM does it by itself, also when nobody looks.
    const std::lock_guard lock(mutex_);
    MoveSources();
  }
  const std::string migrated = migrations_.State();
  const std::lock_guard lock(mutex_);
  ForgetMastersIfAllStopped();
  const auto names = [](const auto& map) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : map) keys.push_back(key);
    return keys;
  };
  std::vector<std::string> evicted;
  for (const auto& [name, master] : masters_) {
    if (IsEvicted(master)) evicted.push_back(name);
  }
  return fmt::format("masters {}; workers {}; sources {}; evicted {}{}", names(masters_),
                     names(workers_), names(bound_), evicted, migrated);
}

absl::StatusOr<dm::Members> ScriptedMembers::GetMembers(const Cluster& cluster, absl::Time,
                                                        const dm::Cancelled&) {
  const std::lock_guard lock(mutex_);
  ForgetMastersIfAllStopped();
  for (const auto& instance : cluster.instances) {
    if (!Runs(instance)) continue;
    if (instance.component == Component::kDmMaster) {
      masters_[instance.name] = instance;
      starts_[instance.name] = StartNumber(instance);
    }
    if (instance.component == Component::kDmWorker) workers_[instance.name] = instance;
  }
  MoveSources();
  const Instance* leader = Leader();
  if (leader == nullptr) return absl::UnavailableError("no majority of the dm-masters runs");
  dm::Members members;
  members.leader_name = leader->name;
  members.leader_addr = leader->NodeId();
  for (const auto& [name, master] : masters_) {
    dm::Master& listed = members.masters.emplace_back();
    listed.name = name;
    listed.alive = Runs(master);
    const std::string scheme = master.AnswersOverTls() ? "https://" : "http://";
    listed.client_urls = {scheme + master.NodeId()};
    listed.peer_urls = {scheme + JoinHostPort(master.host, master.peer_port)};
  }
  for (const auto& [name, worker] : workers_) {
    const std::string source = SourceOf(name);
    const std::string stage = !Runs(worker) ? "offline" : source.empty() ? "free" : "bound";
    members.workers.push_back({name, worker.NodeId(), stage, source});
  }
  return members;
}

members::HttpHealth ScriptedMembers::Probe(const Instance& instance, absl::Time) {
  members::HttpHealth health;
  health.ready = Runs(instance);
  if (!health.ready) health.reason = "it does not run";
  const std::lock_guard lock(mutex_);
  if (health.ready && instance.IsDm()) health.version = version_;
  return health;
}

absl::StatusOr<absl::Time> ScriptedMembers::StartTime(const Instance& instance, absl::Time,
                                                      const dm::Cancelled&) {
  if (!Runs(instance)) return absl::UnavailableError("it does not run");
  return absl::Now() - absl::Hours(1);
}

absl::StatusOr<std::string> ScriptedMembers::Metrics(const Instance& instance, absl::Time,
                                                     const dm::Cancelled&) {
  if (!Runs(instance)) return absl::UnavailableError("it does not run");
  return fmt::format(
      "# Metrics\n{0}_config_last_reload_successful 1\n"
      "{0}_config_last_reload_success_timestamp_seconds {1}\n",
      topology::Name(instance.component),
      1 + hosts_.at(instance.machine_id)->Reloads(instance.Unit()));
}

absl::StatusOr<std::string> ScriptedMembers::Page(const Instance& instance, const std::string&,
                                                  absl::Time, const dm::Cancelled&) {
  if (!Runs(instance)) return absl::UnavailableError("it does not run");
  return R"({"data": {"activeTargets": []}})";
}

absl::Status ScriptedMembers::DeleteMaster(const Cluster&, const std::string& name, absl::Time,
                                           const dm::Cancelled&) {
  const std::lock_guard lock(mutex_);
  if (Leader() == nullptr) return absl::UnavailableError("no majority of the dm-masters runs");
  masters_.erase(name);
  starts_.erase(name);
  evicted_.erase(name);
  return absl::OkStatus();
}

absl::Status ScriptedMembers::DeleteWorker(const Cluster&, const std::string& name, absl::Time,
                                           const dm::Cancelled&) {
  const std::lock_guard lock(mutex_);
  const auto worker = workers_.find(name);
  if (worker == workers_.end()) return absl::OkStatus();
  if (Runs(worker->second)) return absl::FailedPreconditionError("it is still online");
  workers_.erase(worker);
  return absl::OkStatus();
}

absl::Status ScriptedMembers::EvictLeader(const Instance& master, absl::Time,
                                          const dm::Cancelled&) {
  const std::lock_guard lock(mutex_);
  evicted_[master.name] = StartNumber(master);
  return absl::OkStatus();
}

absl::Status ScriptedMembers::CancelEvict(const Instance& master, absl::Time,
                                          const dm::Cancelled&) {
  const std::lock_guard lock(mutex_);
  evicted_.erase(master.name);
  return absl::OkStatus();
}

absl::Status ScriptedMembers::TransferSource(const Cluster&, const std::string& source,
                                             const std::string& worker, absl::Time,
                                             const dm::Cancelled&) {
  const std::lock_guard lock(mutex_);
  const auto taker = workers_.find(worker);
  if (taker == workers_.end() || !Runs(taker->second) || !SourceOf(worker).empty()) {
    return absl::FailedPreconditionError(worker + " is not free");
  }
  bound_[source] = worker;
  return absl::OkStatus();
}

}  // namespace dmgr::test

#include "server/members/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "common/address.h"
#include "common/components/traits.h"
#include "common/error.h"
#include "common/untrusted_json.h"

namespace dmgr::members {
namespace {

using topology::Component;
using topology::Instance;

// Of a version that a program tells, bytes.
constexpr std::size_t kMaxVersion = 100;

// The string at a path of keys in a JSON text, or nothing.
std::string JsonText(const std::string& body, components::Texts keys) {
  const auto answer = ParseUntrustedJson(body);
  if (!answer.has_value()) return {};
  const nlohmann::json* node = &*answer;
  for (const std::string_view view : keys) {
    const std::string key(view);
    if (!node->is_object() || !node->contains(key)) return {};
    node = &(*node)[key];
  }
  return node->is_string() ? node->get<std::string>().substr(0, kMaxVersion) : std::string();
}

HttpHealth DmHealth(const std::string& address, absl::Time deadline, const dm::TlsMaterial& tls) {
  HttpHealth health;
  auto version = dm::ProbeStatus(address, deadline, {}, tls);
  health.ready = version.ok();
  if (version.ok()) {
    health.version = *version;
  } else {
    health.reason = std::string(Message(version.status()));
  }
  return health;
}

HttpHealth PagesHealth(const components::Health& pages, const std::string& address,
                       absl::Time deadline) {
  HttpHealth health;
  auto ready = dm::HttpGet(fmt::format("http://{}{}", address, pages.ready), deadline);
  if (!ready.ok()) {
    health.reason = std::string(Message(ready.status()));
    return health;
  }
  health.ready = ready->status == 200;
  health.is_refused = ready->status == 401 || ready->status == 403 || ready->status == 404;
  if (!health.ready) {
    health.reason = fmt::format("{}{} answers {}", address, pages.ready, ready->status);
    return health;
  }
  auto version = dm::HttpGet(fmt::format("http://{}{}", address, pages.version), deadline);
  if (version.ok()) health.version = JsonText(version->body, pages.version_keys);
  return health;
}

// The label "version" of a metric; empty when there is none.
std::string VersionLabel(const std::string& metrics, std::string_view metric) {
  constexpr std::string_view kLabel = "version=\"";
  const auto line = metrics.find(fmt::format("\n{}{{", metric));
  if (line == std::string::npos) return {};
  // Not of "goversion".
  const auto end = metrics.find('\n', line + 1);
  const std::string text = metrics.substr(line, end - line);
  for (auto at = text.find(kLabel); at != std::string::npos; at = text.find(kLabel, at + 1)) {
    if (text[at - 1] != '{' && text[at - 1] != ',') continue;
    const auto begin = at + kLabel.size();
    return text.substr(begin, std::min(text.find('"', begin) - begin, kMaxVersion));
  }
  return {};
}

HttpHealth MetricsHealth(const components::Health& metrics, const std::string& address,
                         absl::Time deadline) {
  HttpHealth health;
  const auto reply = dm::HttpGet(fmt::format("http://{}/metrics", address), deadline);
  health.ready = reply.ok() && reply->status == 200;
  if (health.ready) {
    health.version = VersionLabel("\n" + reply->body, metrics.version);
  } else {
    health.reason = reply.ok() ? fmt::format("{}/metrics answers {}", address, reply->status)
                               : std::string(Message(reply.status()));
  }
  return health;
}

}  // namespace

std::string AddressOf(const Instance& instance) {
  return JoinHostPort(instance.manage_host.empty() ? instance.host : instance.manage_host,
                      instance.port);
}

std::vector<const Instance*> JoinedMasters(const topology::Cluster& cluster) {
  std::vector<const Instance*> masters = cluster.Of(Component::kDmMaster);
  std::erase_if(masters, [](const Instance* master) {
    return master->membership == topology::Membership::kJoining;
  });
  return masters;
}

std::vector<std::string> MasterAddresses(const topology::Cluster& cluster) {
  std::vector<std::string> addresses;
  for (const auto* master : JoinedMasters(cluster)) addresses.push_back(AddressOf(*master));
  return addresses;
}

absl::StatusOr<dm::Members> GetMembers(ThreadPool* threads, const topology::Cluster& cluster,
                                       absl::Time deadline, const dm::Cancelled& cancelled,
                                       const dm::TlsMaterial& tls) {
  const std::vector<std::string> addresses = MasterAddresses(cluster);
  std::atomic<bool> answered = false;
  std::vector<absl::StatusOr<dm::Members>> answers(addresses.size(),
                                                   absl::UnknownError("not asked"));
  threads->ForEach(addresses.size(), addresses.size(), [&](std::size_t i) {
    answers[i] = dm::Client({addresses[i]}, tls).GetMembers(deadline, [&] {
      return answered || (cancelled && cancelled());
    });
    if (answers[i].ok()) answered = true;
  });
  std::vector<std::string> problems;
  for (auto& answer : answers) {
    if (answer.ok()) return std::move(answer);
    std::string_view said = Message(answer.status());
    // What was tried is said already.
    constexpr std::string_view kTried = "list the members: ";
    if (said.starts_with(kTried)) said.remove_prefix(kTried.size());
    problems.emplace_back(said);
  }
  return Error(absl::StatusCode::kUnavailable, "DM_UNAVAILABLE",
               "no dm-master tells the members: {}", fmt::join(problems, "; "))
      .Remedy("is a majority of the dm-masters running?");
}

HttpHealth ProbeHttp(const Instance& instance, absl::Time deadline, const dm::TlsMaterial& tls) {
  const components::Health& health = components::TraitsOf(instance.component).health;
  switch (health.kind) {
    case components::HealthKind::kDmStatus:
      return DmHealth(AddressOf(instance), deadline, tls);
    case components::HealthKind::kPages:
      return PagesHealth(health, AddressOf(instance) + instance.WebPath(), deadline);
    case components::HealthKind::kMetrics:
      return MetricsHealth(health, AddressOf(instance), deadline);
  }
  return {};
}

std::string MemberProblem(const Instance& instance, const dm::Members& members) {
  if (members.leader_name.empty()) return "the cluster has no leader";
  if (instance.component == Component::kDmMaster) {
    const dm::Master* master = members.FindMaster(instance.name);
    if (master == nullptr) return fmt::format("dm-master {} is not a member", instance.name);
    return master->alive ? "" : fmt::format("dm-master {} is not alive", instance.name);
  }
  const dm::Worker* worker = members.FindWorker(instance.name);
  if (worker == nullptr) return fmt::format("dm-worker {} is not registered", instance.name);
  if (worker->addr != instance.NodeId()) {
    return fmt::format("dm-worker {} is registered at {}", instance.name, worker->addr);
  }
  return worker->stage == "offline" ? fmt::format("dm-worker {} is offline", instance.name) : "";
}

}  // namespace dmgr::members

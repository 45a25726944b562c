#include "server/verify/targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/address.h"
#include "common/error.h"
#include "common/untrusted_json.h"
#include "common/utf8.h"
#include "server/verify/expected.h"

namespace dmgr::verify {
namespace {

using nlohmann::json;
using topology::Instance;

// Of what another program says.
constexpr std::size_t kMaxShown = 300;

struct Target {
  std::string health;
  std::string error;
};

std::string Text(const json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// By address, "host:port"; nullopt when it is not such an answer.
std::optional<std::map<std::string, Target>> ReadTargets(const std::string& page) {
  const json answer = ParseUntrustedJson(page, kListLimits).value_or(json());
  if (!answer.is_object() || !answer.contains("data") || !answer["data"].is_object()) {
    return std::nullopt;
  }
  const auto& data = answer["data"];
  if (!data.contains("activeTargets") || !data["activeTargets"].is_array()) return std::nullopt;
  std::map<std::string, Target> targets;
  for (const auto& one : data["activeTargets"]) {
    if (!one.is_object() || !one.contains("discoveredLabels")) continue;
    if (!one["discoveredLabels"].is_object()) continue;
    // What an exporter is asked to probe is no target that is scraped itself.
    if (Text(one["discoveredLabels"], "__metrics_path__") == "/probe") continue;
    const std::string address = Text(one["discoveredLabels"], "__address__");
    if (address.empty()) continue;
    targets[OneLine(address, kMaxShown)] = {Text(one, "health"),
                                            OneLine(Text(one, "lastError"), kMaxShown)};
  }
  return targets;
}

bool Names(const std::string& config, const std::string& address) {
  return config.find("\"" + address + "\"") != std::string::npos;
}

}  // namespace

bool HasItsTargets(const topology::Cluster& cluster, const std::string& page,
                   const std::string& config) {
  const auto targets = ReadTargets(page);
  if (!targets.has_value()) return false;
  const bool all = std::ranges::all_of(cluster.instances, [&](const Instance& instance) {
    const std::string address = JoinHostPort(instance.host, instance.port);
    return !Names(config, address) || targets->contains(address);
  });
  return all && std::ranges::all_of(
                    *targets, [&](const auto& target) { return Names(config, target.first); });
}

void CompareTargets(const topology::Cluster& cluster, const Instance& prometheus,
                    const absl::StatusOr<std::string>& page, const std::string& config,
                    Findings* findings) {
  const Subject itself{
      .machine = prometheus.machine_id, .instance = prometheus.name, .path = prometheus.NodeId()};
  const auto targets = page.ok() ? ReadTargets(*page) : std::nullopt;
  if (!targets.has_value()) {
    const std::string why =
        page.ok() ? "its answer is not understood" : std::string(Message(page.status()));
    findings->Add(v1::DIFFERENCE_KIND_TARGETS_UNKNOWN, itself, "its targets", why,
                  fmt::format("{} does not tell its targets: {}", prometheus.name, why));
    return;
  }
  for (const auto& instance : cluster.instances) {
    const std::string address = JoinHostPort(instance.host, instance.port);
    if (!Names(config, address)) continue;
    const Subject subject{
        .machine = prometheus.machine_id, .instance = prometheus.name, .path = address};
    const auto target = targets->find(address);
    if (target == targets->end()) {
      findings->Add(
          v1::DIFFERENCE_KIND_TARGET_MISSING, subject, "scraped", "no target",
          fmt::format("{} does not scrape {} at {}", prometheus.name, instance.name, address));
    } else if (target->second.health == "down" && IsToRun(instance)) {
      findings->Add(v1::DIFFERENCE_KIND_TARGET_DOWN, subject, "up", target->second.error,
                    fmt::format("{} cannot scrape {} at {}: {}", prometheus.name, instance.name,
                                address, target->second.error));
    }
  }
  for (const auto& [address, target] : *targets) {
    if (Names(config, address)) continue;
    findings->Add(v1::DIFFERENCE_KIND_TARGET_STRANGER,
                  {.machine = prometheus.machine_id, .instance = prometheus.name, .path = address},
                  "no target", address,
                  fmt::format("{} scrapes {}, which its recorded configuration does not name",
                              prometheus.name, address));
  }
}

}  // namespace dmgr::verify

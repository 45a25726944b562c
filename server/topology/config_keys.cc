#include "server/topology/config_keys.h"

#include <algorithm>
#include <span>

#include "common/components/secrets.h"
#include "common/components/traits.h"

namespace dmgr::topology {
namespace {

constexpr std::string_view kNewestKnown = "v9.0.0";
constexpr std::string_view kName = "dmgr sets it from the instance's name";
constexpr std::string_view kAddress = "dmgr sets it from host, port and listen_host";
constexpr std::string_view kMembers = "dmgr sets it from the members of the cluster";
constexpr std::string_view kData = "dmgr sets it from data_dir";
constexpr std::string_view kLog = "dmgr sets it from log_dir";
constexpr std::string_view kFile = "dmgr sets it";
constexpr std::string_view kTls = "dmgr sets it: give enable_tls in global";

// Source: the flags and TOML fields of tiflow's dm/master and dm/worker configurations by release.
constexpr DmKey kMasterKeys[] = {
    {"log-level", KeyType::kString, {}, {}, ValueForm::kLogLevel},
    {"log-format", KeyType::kString, {}, {}, ValueForm::kLogFormat},
    {"log-rotate"},
    {"rpc-timeout", KeyType::kString, {}, {}, ValueForm::kDuration},
    {"rpc-rate-limit", KeyType::kNumber},
    {"rpc-rate-burst", KeyType::kInteger},
    {"max-txn-ops", KeyType::kInteger, {}, {}, ValueForm::kNotNegative},
    {"max-request-bytes", KeyType::kInteger, {}, {}, ValueForm::kNotNegative},
    {"auto-compaction-mode", KeyType::kString, {}, {}, ValueForm::kCompactionMode},
    {"auto-compaction-retention", KeyType::kString, {}, {}, ValueForm::kCompactionRetention},
    {"quota-backend-bytes", KeyType::kInteger},
    {"openapi", KeyType::kBool, "v5.4.0"},
    {"experimental.openapi", KeyType::kBool, "v5.3.0"},
    {"secret-key-path", KeyType::kString, "v8.0.0"},
    {"name", KeyType::kString, {}, kName},
    {"master-addr", KeyType::kString, {}, kAddress},
    {"advertise-addr", KeyType::kString, {}, kAddress},
    {"peer-urls", KeyType::kString, {}, kAddress},
    {"advertise-peer-urls", KeyType::kString, {}, kAddress},
    {"initial-cluster", KeyType::kString, {}, kMembers},
    {"initial-cluster-state", KeyType::kString, {}, kMembers},
    {"join", KeyType::kString, {}, kMembers},
    {"data-dir", KeyType::kString, {}, kData},
    {"log-file", KeyType::kString, {}, kLog},
    {"config-file", KeyType::kString, {}, kFile},
    {"v1-sources-path", KeyType::kString, {}, "dmgr sets it from v1_source_path"},
    {"ssl-ca", KeyType::kString, {}, kTls},
    {"ssl-cert", KeyType::kString, {}, kTls},
    {"ssl-key", KeyType::kString, {}, kTls},
    {kAllowedNames, KeyType::kStrings},
};

constexpr DmKey kWorkerKeys[] = {
    {"log-level", KeyType::kString, {}, {}, ValueForm::kLogLevel},
    {"log-format", KeyType::kString, {}, {}, ValueForm::kLogFormat},
    {"log-rotate"},
    {"keepalive-ttl", KeyType::kInteger, {}, {}, ValueForm::kLeaseTtl},
    {"relay-keepalive-ttl", KeyType::kInteger, "v2.0.2", {}, ValueForm::kLeaseTtl},
    {"relay-dir", KeyType::kString, "v5.4.0"},
    {"redact-info-log", KeyType::kBool, "v9.0.0"},
    {"name", KeyType::kString, {}, kName},
    {"worker-addr", KeyType::kString, {}, kAddress},
    {"advertise-addr", KeyType::kString, {}, kAddress},
    {"join", KeyType::kString, {}, kMembers},
    {"log-file", KeyType::kString, {}, kLog},
    {"config-file", KeyType::kString, {}, kFile},
    {"ssl-ca", KeyType::kString, {}, kTls},
    {"ssl-cert", KeyType::kString, {}, kTls},
    {"ssl-key", KeyType::kString, {}, kTls},
    {kAllowedNames, KeyType::kStrings},
};

// Those of the default grafana.ini that follow from the topology.
struct GrafanaKey {
  std::string_view key;
  std::string_view refused;
};
constexpr GrafanaKey kGrafanaKeys[] = {
    {"paths.data", kData},
    {"paths.logs", kLog},
    {"paths.plugins", "dmgr sets it from deploy_dir"},
    {"paths.provisioning", "dmgr sets it from deploy_dir"},
    {"server.protocol", "Grafana is asked in plain text"},
    {"server.http_port", "dmgr sets it from port"},
    {"security.admin_user", "give it as username of the instance"},
    {"security.admin_password", "it is a secret: give it as password of the instance"},
};

std::span<const DmKey> KeysOf(Component component) {
  switch (components::TraitsOf(component).dm_role) {
    case components::DmRole::kMaster:
      return kMasterKeys;
    case components::DmRole::kWorker:
      return kWorkerKeys;
    case components::DmRole::kNone:
      return {};
  }
  return {};
}

}  // namespace

const DmKey* FindDmKey(Component component, std::string_view key) {
  const auto keys = KeysOf(component);
  const auto found = std::ranges::find(keys, key, &DmKey::key);
  return found == keys.end() ? nullptr : &*found;
}

bool HasDmKey(const DmVersion& version, const DmKey& key) {
  return key.since.empty() || version.Release() >= DmVersion::Parse(key.since);
}

bool IsDmVersionKnown(const DmVersion& version) {
  return version.Release() <= DmVersion::Parse(kNewestKnown);
}

std::string SettableDmKeys(Component component, const DmVersion& version) {
  std::string keys;
  for (const DmKey& key : KeysOf(component)) {
    if (!key.refused.empty() || !HasDmKey(version, key)) continue;
    if (!keys.empty()) keys += ", ";
    keys += key.key;
  }
  return keys;
}

std::string_view GrafanaKeySet(std::string_view key) {
  for (const GrafanaKey& candidate : kGrafanaKeys) {
    if (candidate.key == key) return candidate.refused;
  }
  return {};
}

std::string_view GrafanaKeyRefused(std::string_view key) {
  if (const auto set = GrafanaKeySet(key); !set.empty()) return set;
  return components::IsGrafanaSecret(key) ? "it is a secret: give it in secret_config" : "";
}

}  // namespace dmgr::topology

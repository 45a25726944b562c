// The configuration keys of DM by version, and those that dmgr keeps for itself.
#ifndef DMGR_SERVER_TOPOLOGY_CONFIG_KEYS_H_
#define DMGR_SERVER_TOPOLOGY_CONFIG_KEYS_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "server/topology/topology.h"

namespace dmgr::topology {

// Major, minor, patch.
using DmVersion = std::array<int, 3>;

// Of "v7.5.2" or "v9.0.0-beta.1"; nullopt for names such as "nightly".
std::optional<DmVersion> ParseDmVersion(std::string_view version);

enum class KeyType { kString, kInteger, kNumber, kBool, kStrings };

struct DmKey {
  std::string_view key;  // Dotted.
  KeyType type = KeyType::kString;
  DmVersion since = {0, 0, 0};
  // Why it may not be set; empty when it may.
  std::string_view refused = {};
};

// nullptr when no version up to kNewestKnown has the key.
const DmKey* FindDmKey(Component component, std::string_view key);
// The keys that may be set for this version, for messages: "a, b, c".
std::string SettableDmKeys(Component component, const DmVersion& version);
// Newer ones may have keys that are not in the table.
inline constexpr DmVersion kNewestKnown = {9, 0, 0};

// Why a key of grafana.ini ("section.key") may not be set; empty when it may.
std::string_view GrafanaKeyRefused(std::string_view key);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_CONFIG_KEYS_H_

// The configuration keys of DM by version, and those that dmgr keeps for itself.
#ifndef DMGR_SERVER_TOPOLOGY_CONFIG_KEYS_H_
#define DMGR_SERVER_TOPOLOGY_CONFIG_KEYS_H_

#include <string>
#include <string_view>

#include "common/version.h"
#include "server/topology/dm_values.h"
#include "server/topology/topology.h"

namespace dmgr::topology {

// Names (CN) in certificates that DM talks with, and no others.
inline constexpr std::string_view kAllowedNames = "cert-allowed-cn";

enum class KeyType { kString, kInteger, kNumber, kBool, kStrings };

struct DmKey {
  std::string_view key;  // Dotted.
  KeyType type = KeyType::kString;
  // The first release that has it; empty: all have it.
  std::string_view since = {};
  // Why it may not be set; empty when it may.
  std::string_view refused = {};
  ValueForm form = ValueForm::kAny;
};

// nullptr when no version up to the newest known one has the key.
const DmKey* FindDmKey(Component component, std::string_view key);
// Whether a version has a key of the table.
bool HasDmKey(const DmVersion& version, const DmKey& key);
// Whether all keys of a version are in the table; newer ones may have more.
bool IsDmVersionKnown(const DmVersion& version);
// The keys that may be set for this version, for messages: "a, b, c".
std::string SettableDmKeys(Component component, const DmVersion& version);

// What sets a key of grafana.ini ("section.key") instead of its user; empty when nothing does.
std::string_view GrafanaKeySet(std::string_view key);
// Why such a key may not be set in plain view; empty when it may.
std::string_view GrafanaKeyRefused(std::string_view key);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_CONFIG_KEYS_H_

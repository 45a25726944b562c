// DM's configurations of sources and tasks, as people write them: YAML, which is kept as it was
// given, with its comments and its order. Pure; no exception leaves this room.
//
// Of all YAML only what such a file needs is taken: one document of at most 1 MiB, without anchors
// and aliases, each key once, its passwords on one line each. INVALID_ARGUMENT, CONFIG_INVALID,
// else, with every mistake, and its line, as a violation of config_yaml.
#ifndef DMGR_SERVER_MIGRATIONS_CONFIG_H_
#define DMGR_SERVER_MIGRATIONS_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/target_service.pb.h"

namespace dmgr::migrations {

// What is shown of a secret, and stands for the one that there was.
inline constexpr char kHidden[] = "******";

struct SourceConfig {
  std::string source_id;
  std::string host;
  int port = 0;
  std::string user;
  bool enables_relay = false;
};
// The keys that DM has; source-id and from.host, port and user are there.
absl::StatusOr<SourceConfig> ReadSource(const std::string& yaml);

// The same of what DM itself has written: with the keys of whichever version.
absl::StatusOr<SourceConfig> ReadKnownSource(const std::string& yaml);

// How a source's database is reached.
struct SourceLogin {
  std::string host;
  int port = 0;
  std::string user;
  std::string password;
  // PEM, where they are in the text.
  std::string ca{};
  std::string certificate{};
  std::string key{};
  // Certificates are in files of the dm-workers' hosts.
  bool names_files = false;
  bool enables_gtid = false;
};
// Of a configuration that ReadSource takes. Full of secrets: whoever gets it wipes it.
absl::StatusOr<SourceLogin> ReadSourceLogin(const std::string& yaml);

// A source as dm-master keeps it in its etcd, which is TOML, as YAML, with its password.
// DATA_LOSS, MIGRATION_UNREADABLE.
absl::StatusOr<std::string> SourceOfKey(const std::string& toml);

struct TaskConfig {
  std::string name;
  // "full", "incremental" or "all".
  std::string mode;
  // Of mysql-instances, in their order, each once.
  std::vector<std::string> sources;
  // Of "target: NAME", which is dmgr's own word; empty: it has a target-database.
  std::string target_name;
};
absl::StatusOr<TaskConfig> ReadTask(const std::string& yaml);

// The text with "******" for every password, and for certificates and keys that are in it. Empty
// when it is no YAML.
std::string HideSecrets(const std::string& yaml);

// The text with what stands at the same place of an older one for each "******" in it. older empty:
// there was none. INVALID_ARGUMENT, HIDDEN_SECRET, when there is nothing at that place.
absl::StatusOr<std::string> FillHidden(const std::string& yaml, const std::string& older);

// The text of a task that DM shows, passwords hidden, with the target's password as dm-master keeps
// it with a subtask, which is TOML. DATA_LOSS, MIGRATION_UNREADABLE; else as of FillHidden.
absl::StatusOr<std::string> TaskOfKey(const std::string& masked, const std::string& toml);

// One text for all that DM may show of one configuration of a task, whatever it calls its parts and
// in which order they stand; without what a single start or a validation says. Empty when it is no
// YAML.
std::string CanonicalTask(const std::string& yaml);

// The text of a task as DM takes it: with a target-database in place of "target: NAME". The target
// has its password and key.
absl::StatusOr<std::string> PutTarget(const std::string& yaml, const v1::Target& target);

}  // namespace dmgr::migrations

#endif  // DMGR_SERVER_MIGRATIONS_CONFIG_H_

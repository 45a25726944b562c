// DM's configuration files of sources and tasks, made from what was typed.
#ifndef DMGR_CLIENT_MIGRATIONS_CONFIGS_H_
#define DMGR_CLIENT_MIGRATIONS_CONFIGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace dmgr::client {

struct SourceWords {
  std::string id;
  std::string host;
  unsigned port = 3306;
  std::string user;
  std::string password;
  bool gtid = false;
  bool relay = false;
};
std::string SourceYaml(const SourceWords& words);

struct TaskWords {
  std::string name;
  std::vector<std::string> sources;
  std::string target;
  // full, all or incremental.
  std::string mode;
  // "DATABASE.TABLE", either with * and ?; none: all that there is.
  std::vector<std::string> tables;
  // "DATABASE.TABLE=>DATABASE.TABLE"; a * for the last one keeps the table's name.
  std::vector<std::string> routes;
  // Empty, pessimistic or optimistic.
  std::string shard_mode;
};
// INVALID_ARGUMENT (BAD_USAGE) that names the table or route that is none.
absl::StatusOr<std::string> TaskYaml(const TaskWords& words);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_MIGRATIONS_CONFIGS_H_

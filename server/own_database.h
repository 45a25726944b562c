// The database of this dmgrd: its own one, or that of [database] dsn.
#ifndef DMGR_SERVER_OWN_DATABASE_H_
#define DMGR_SERVER_OWN_DATABASE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/config.h"
#include "server/store/embedded.h"

namespace dmgr {

struct OwnDatabase {
  // What was started; ends with it.
  std::unique_ptr<store::EmbeddedServer> embedded;
  std::string dsn;
};

// Makes data_dir and starts the embedded server, where there is no dsn. FAILED_PRECONDITION:
// another dmgrd has it, DSN_UNSAFE, DATA_DIR_UNUSABLE, and what EmbeddedServer says.
absl::StatusOr<OwnDatabase> StartDatabase(const Config& config);
// The same, beside a dmgrd that has it running.
absl::StatusOr<OwnDatabase> ReachDatabase(const Config& config);

}  // namespace dmgr

#endif  // DMGR_SERVER_OWN_DATABASE_H_

// The embedded server: a private PostgreSQL that dmgrd starts and stops.
#ifndef DMGR_SERVER_STORE_EMBEDDED_H_
#define DMGR_SERVER_STORE_EMBEDDED_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dmgr::store {

struct EmbeddedOptions {
  // Holds the data ("data") and the socket ("run"); made when absent. Owned by os_user.
  std::string dir;
  // postgres refuses to run as root: when dmgrd is root, the user that it becomes. Made by nobody:
  // the distribution's package has it.
  std::string os_user = "postgres";
  // Folder of initdb and postgres; empty: found (Debian keeps them out of PATH).
  std::string bin_dir = {};
};

// Whether one can be started there: its user and PostgreSQL's programs, of the data's version if
// there is data, are there. Changes nothing. FAILED_PRECONDITION, as Start.
absl::Status CheckEmbedded(const EmbeddedOptions& options);

// A running server that listens on a unix socket only. The same directory is used again by the
// next start: a postgres that outlived a killed dmgrd is adopted when it answers, and is never
// started twice on one directory.
class EmbeddedServer {
 public:
  // initdb if needed, starts, waits until it answers (at most 30 s; recovery may take its time as
  // long as the server says so).
  static absl::StatusOr<std::unique_ptr<EmbeddedServer>> Start(const EmbeddedOptions& options);
  // Fast shutdown, waited for.
  ~EmbeddedServer();
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  // Connection string of the database "dmgr".
  std::string Dsn() const;
  // Starts it again when it has died. Called by a watchdog thread of the owner every second.
  absl::Status EnsureRunning();

 private:
  struct Impl;
  explicit EmbeddedServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_EMBEDDED_H_

#include "server/own_database.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "common/error.h"
#include "server/service_manager.h"
#include "server/store/database.h"

namespace dmgr {
namespace {

namespace fs = std::filesystem;

// Folders on the way to it, and itself, are for the user of the embedded database to pass, not to
// list.
absl::Status MakeDataDir(const std::string& dir) {
  std::error_code error;
  fs::path path;
  for (const fs::path& part : fs::path(dir)) {
    path /= part;
    const bool made = fs::create_directory(path, error);
    if (made) fs::permissions(path, fs::perms(0711), error);
    if (error) break;
  }
  if (!error) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DATA_DIR_UNUSABLE", "cannot make {}: {}",
               dir, error.message())
      .Remedy("set [paths] data_dir to a folder that dmgrd may write");
}

store::EmbeddedOptions EmbeddedOf(const Config& config) {
  store::EmbeddedOptions options;
  options.dir = config.data_dir + "/postgresql";
  return options;
}

}  // namespace

absl::StatusOr<OwnDatabase> StartDatabase(const Config& config) {
  RETURN_IF_ERROR(MakeDataDir(config.data_dir));
  OwnDatabase own;
  own.dsn = config.dsn;
  if (!own.dsn.empty() && !config.insecure_dsn) RETURN_IF_ERROR(store::CheckTransport(own.dsn));
  if (own.dsn.empty()) {
    TellStatus("starting the embedded database");
    ASSIGN_OR_RETURN(own.embedded, store::EmbeddedServer::Start(EmbeddedOf(config)));
    own.dsn = own.embedded->Dsn();
  }
  return own;
}

absl::StatusOr<OwnDatabase> ReachDatabase(const Config& config) {
  if (config.dsn.empty()) {
    OwnDatabase running;
    ASSIGN_OR_RETURN(running.dsn, store::EmbeddedServer::DsnOfRunning(EmbeddedOf(config)));
    if (!running.dsn.empty()) return running;
  }
  return StartDatabase(config);
}

}  // namespace dmgr

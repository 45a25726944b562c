// dmgrd.toml as a file, and where the master key is by it.
#ifndef DMGR_SERVER_CONFIG_FILE_H_
#define DMGR_SERVER_CONFIG_FILE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/secret.h"
#include "server/config.h"
#include "server/objects/object_store.h"
#include "server/secrets/key_source.h"

namespace dmgr {

struct ReadConfig {
  Config config;
  // All that is wrong with what is written there.
  std::vector<std::string> problems;
};

// By the environment's DMGR_MODE too. file: empty for the defaults. NOT_FOUND, CONFIG_UNREADABLE.
absl::StatusOr<ReadConfig> ReadConfigFile(const std::string& file);
// The same; INVALID_ARGUMENT, CONFIG_INVALID, when there are problems.
absl::StatusOr<Config> LoadConfig(const std::string& file);

// As secrets::FindKey; variable: the environment's, which was taken from there.
absl::StatusOr<secrets::KeySource> FindKeyOf(const Config& config, std::optional<Secret> variable);

// Holds "ACCESS_KEY_ID:SECRET_ACCESS_KEY" for a shared warehouse in S3.
inline constexpr char kS3KeyVariable[] = "DMGR_S3_KEY";
// The shared warehouse; nullptr when there is none. Its key for S3 is in s3_key_file, in variable
// (the environment's, which was taken from there), or in the systemd credential dmgrd-s3-key.
// SHARED_CONFIG_INVALID when there is not just one. Nothing is asked of it yet.
absl::StatusOr<std::unique_ptr<objects::ObjectStore>> OpenShared(const Config& config,
                                                                 std::optional<Secret> variable);

// The folder of this program.
std::string OwnDir();

}  // namespace dmgr

#endif  // DMGR_SERVER_CONFIG_FILE_H_

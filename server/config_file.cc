#include "server/config_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "common/files.h"
#include "server/objects/open.h"
#include "server/store/database.h"

namespace dmgr {

absl::StatusOr<ReadConfig> ReadConfigFile(const std::string& file) {
  std::string text;
  if (!file.empty()) {
    auto content = ReadFile(file);
    if (!content.ok()) {
      return Error(absl::StatusCode::kNotFound, "CONFIG_UNREADABLE", "{}",
                   Message(content.status()))
          .Remedy("a documented example is deploy/dmgrd.toml");
    }
    text = *std::move(content);
  }
  const char* mode = std::getenv("DMGR_MODE");
  ReadConfig read;
  read.config = ParseConfig(text, file, mode == nullptr ? "" : mode, &read.problems);
  struct stat info = {};
  if (!file.empty() && store::HoldsPassword(read.config.dsn) && stat(file.c_str(), &info) == 0 &&
      (info.st_mode & S_IROTH) != 0) {
    read.problems.push_back(fmt::format(
        "{} holds a password, and everybody on this machine may read the file: chmod 0640, or use "
        "passfile=",
        read.config.PlaceOf(file, "database.dsn")));
  }
  return read;
}

namespace {

constexpr char kS3Credential[] = "/dmgrd-s3-key";

absl::Status S3KeyInvalid(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "SHARED_CONFIG_INVALID",
               "the key of the shared warehouse: {}", why)
      .Remedy(fmt::format("give one: s3_key_file in [warehouse], {}, or the credential {}",
                          kS3KeyVariable, kS3Credential + 1));
}

absl::StatusOr<Secret> ReadS3Key(const std::string& path, bool is_own) {
  struct stat info = {};
  if (is_own && stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return S3KeyInvalid(fmt::format("others may read {}: chmod 0600", path));
  }
  auto text = ReadFile(path);
  if (!text.ok()) return S3KeyInvalid(std::string(Message(text.status())));
  Secret key(*std::move(text));
  while (!key.empty() && (key.text().back() == '\n' || key.text().back() == '\r')) {
    key.mutable_text().pop_back();
  }
  return key;
}

absl::StatusOr<Secret> FindS3Key(const Config& config, std::optional<Secret> variable) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  const std::string credential =
      credentials == nullptr ? "" : credentials + std::string(kS3Credential);
  std::error_code error;
  const bool has_credential = !credential.empty() && std::filesystem::exists(credential, error);
  const bool has_file = !config.s3_key_file.empty();
  const int keys = (has_file ? 1 : 0) + (variable.has_value() ? 1 : 0) + (has_credential ? 1 : 0);
  if (keys != 1) return S3KeyInvalid(keys == 0 ? "there is none" : "there is more than one");
  if (variable.has_value()) return *std::move(variable);
  return has_file ? ReadS3Key(config.s3_key_file, true) : ReadS3Key(credential, false);
}

}  // namespace

absl::StatusOr<std::unique_ptr<objects::ObjectStore>> OpenShared(const Config& config,
                                                                 std::optional<Secret> variable) {
  if (config.shared_warehouse.empty()) return std::unique_ptr<objects::ObjectStore>();
  Secret key;
  if (objects::IsS3(config.shared_warehouse)) {
    ASSIGN_OR_RETURN(key, FindS3Key(config, std::move(variable)));
  }
  return objects::OpenStore({.url = config.shared_warehouse,
                             .s3_endpoint = config.s3_endpoint,
                             .s3_region = config.s3_region},
                            key);
}

absl::StatusOr<Config> LoadConfig(const std::string& file) {
  ASSIGN_OR_RETURN(ReadConfig read, ReadConfigFile(file));
  if (read.problems.empty()) return std::move(read.config);
  return Error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID", "{}",
               fmt::join(read.problems, "\n"))
      .Remedy("every key is documented in deploy/dmgrd.toml");
}

absl::StatusOr<secrets::KeySource> FindKeyOf(const Config& config, std::optional<Secret> variable) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  return secrets::FindKey({.named_file = config.master_key,
                           .default_file = config.DefaultKeyFile(),
                           .variable = std::move(variable),
                           .credentials_dir = credentials == nullptr ? "" : credentials});
}

std::string OwnDir() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

}  // namespace dmgr

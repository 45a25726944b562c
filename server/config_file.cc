#include "server/config_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "common/files.h"
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

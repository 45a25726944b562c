#include "client/context/files.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "common/error.h"
#include "common/files.h"

namespace dmgr::client {

namespace fs = std::filesystem;

void MakeFolderOf(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  mkdir(folder.c_str(), 0700);
}

std::string EnvironmentOr(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

std::string ConfigFile(const std::string& name) {
  const std::string config =
      EnvironmentOr("XDG_CONFIG_HOME", EnvironmentOr("HOME", "/root") + "/.config");
  return config + "/dmgr/" + name;
}

absl::StatusOr<nlohmann::ordered_json> LoadObject(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return nlohmann::ordered_json::object();
  auto object = nlohmann::ordered_json::parse(ReadFile(path).value_or(""), nullptr,
                                              /*allow_exceptions=*/false);
  if (object.is_object()) return object;
  return Error(absl::StatusCode::kFailedPrecondition, "CONFIG_DAMAGED",
               "{} cannot be read, or holds no JSON object", path)
      .With("path", path)
      .Remedy("mend it, or remove it and begin anew");
}

absl::Status SaveObject(const std::string& path, const nlohmann::ordered_json& object) {
  MakeFolderOf(path);
  if (WriteFileAtomically(path, object.dump(2) + "\n", 0600).ok()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "CONFIG_UNWRITABLE", "cannot write {}", path)
      .With("path", path)
      .Remedy("make its folder writable, or set XDG_CONFIG_HOME to one that is");
}

}  // namespace dmgr::client

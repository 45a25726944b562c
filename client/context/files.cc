#include "client/context/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/error.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

// Nobody else looks in; a folder that is there already stays as it is.
void MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  mkdir(folder.c_str(), 0700);
}

bool WritePrivate(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return close(fd) == 0 && written;
}

}  // namespace

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
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  auto object = nlohmann::ordered_json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (object.is_object()) return object;
  return Error(absl::StatusCode::kFailedPrecondition, "CONFIG_DAMAGED",
               "{} cannot be read, or holds no JSON object", path)
      .With("path", path)
      .Remedy("mend it, or remove it and begin anew");
}

absl::Status SaveObject(const std::string& path, const nlohmann::ordered_json& object) {
  const std::string temporary = path + ".new";
  MakeFolder(fs::path(path).parent_path());
  unlink(temporary.c_str());
  if (WritePrivate(temporary, object.dump(2) + "\n") &&
      rename(temporary.c_str(), path.c_str()) == 0) {
    return absl::OkStatus();
  }
  unlink(temporary.c_str());
  return Error(absl::StatusCode::kFailedPrecondition, "CONFIG_UNWRITABLE", "cannot write {}", path)
      .With("path", path)
      .Remedy("make its folder writable, or set XDG_CONFIG_HOME to one that is");
}

}  // namespace dmgr::client

#include "client/context/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/error.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

std::string EnvironmentOr(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

// Everything that is saved: {"<address>": {"user": ..., "token": ...}}. Anything else in the file
// counts as nothing.
nlohmann::json LoadAll() {
  std::ifstream in(CredentialsPath());
  std::ostringstream text;
  text << in.rdbuf();
  auto all = nlohmann::json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  return all.is_object() ? all : nlohmann::json::object();
}

}  // namespace

std::string CredentialsPath() {
  const std::string config =
      EnvironmentOr("XDG_CONFIG_HOME", EnvironmentOr("HOME", "/root") + "/.config");
  return config + "/dmgr/credentials.json";
}

std::string LoadToken(const std::string& address) {
  const std::string token = EnvironmentOr("DMGR_TOKEN", "");
  if (!token.empty()) return token;
  const auto all = LoadAll();
  if (!all.contains(address) || !all[address].is_object()) return {};
  const auto saved = all[address].value("token", nlohmann::json());
  return saved.is_string() ? saved.get<std::string>() : std::string();
}

absl::Status SaveToken(const std::string& address, const std::string& user,
                       const std::string& token) {
  auto all = LoadAll();
  if (token.empty()) {
    all.erase(address);
  } else {
    all[address] = {{"user", user}, {"token", token}};
  }
  const std::string path = CredentialsPath();
  const std::string temporary = path + ".new";
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  unlink(temporary.c_str());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const std::string text = all.dump(2) + "\n";
  bool written =
      fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) close(fd);
  written = written && rename(temporary.c_str(), path.c_str()) == 0;
  if (written) return absl::OkStatus();
  unlink(temporary.c_str());
  return Error(absl::StatusCode::kFailedPrecondition, "CREDENTIALS_UNWRITABLE", "cannot write {}",
               path)
      .Remedy("make its folder writable, or pass the token as DMGR_TOKEN");
}

}  // namespace dmgr::client

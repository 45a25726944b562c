#include "client/context/credentials.h"

#include "client/context/files.h"

namespace dmgr::client {
namespace {

using nlohmann::ordered_json;

// {"<address>": {"user": ..., "token": ..., "server": ...}}; "@name" for a context. A damaged file
// holds no session.
ordered_json LoadAll() {
  auto all = LoadObject(CredentialsPath());
  return all.ok() ? *all : ordered_json::object();
}

std::string KeyOf(const Target& target) {
  return target.context.empty() ? target.server : "@" + target.context;
}

std::string TextIn(const ordered_json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

std::string CredentialsPath() { return ConfigFile("credentials.json"); }

std::string LoadToken(const Target& target) {
  const std::string token = EnvironmentOr("DMGR_TOKEN", "");
  if (!token.empty()) return token;
  const ordered_json all = LoadAll();
  const auto saved = all.find(KeyOf(target));
  if (saved == all.end() || !saved->is_object()) return {};
  if (!target.context.empty() && TextIn(*saved, "server") != target.server) return {};
  return TextIn(*saved, "token");
}

absl::Status SaveToken(const Target& target, const std::string& user, const std::string& token) {
  ordered_json all = LoadAll();
  if (token.empty()) {
    if (all.erase(KeyOf(target)) == 0) return absl::OkStatus();
  } else {
    all[KeyOf(target)] = {{"user", user}, {"server", target.server}, {"token", token}};
  }
  return SaveObject(CredentialsPath(), all);
}

}  // namespace dmgr::client

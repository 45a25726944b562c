#include "server/secrets/key_source.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "common/error.h"

namespace dmgr::secrets {
namespace {

namespace fs = std::filesystem;

// A file that cannot be looked at is one: opening it says why it is of no use.
bool Exists(const std::string& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

}  // namespace

std::optional<Secret> TakeVariable(const char* name) {
  char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  Secret taken(static_cast<const char*>(value));
  explicit_bzero(value, std::strlen(value));
  unsetenv(name);
  return taken;
}

std::string KeySource::BringBack() const {
  switch (kind) {
    case Kind::kVariable:
      return fmt::format("set {} to the 64 hex digits of the database's master key", kKeyVariable);
    case Kind::kCredential:
      return fmt::format(
          "let LoadCredential= or LoadCredentialEncrypted= of the unit give {} the "
          "database's master key, 32 bytes",
          kKeyCredential);
    case Kind::kFile:
      break;
  }
  return "put the file back from where it was kept, or copy it from another dmgrd of this "
         "database; it must be of dmgrd's user and have mode 0600";
}

absl::StatusOr<KeySource> FindKey(const KeyPlaces& places) {
  std::vector<KeySource> found;
  if (!places.named_file.empty()) {
    found.push_back({.kind = KeySource::Kind::kFile, .path = places.named_file});
  }
  if (places.variable.has_value()) {
    found.push_back({.kind = KeySource::Kind::kVariable, .hex = *places.variable});
  }
  const std::string credential = places.credentials_dir + "/" + kKeyCredential;
  if (!places.credentials_dir.empty() && Exists(credential)) {
    found.push_back({.kind = KeySource::Kind::kCredential, .path = credential});
  }
  // Which of two keys is the old one nobody can tell from here.
  if (found.empty() || (places.named_file.empty() && Exists(places.default_file))) {
    found.push_back({.kind = KeySource::Kind::kFile, .path = places.default_file});
  }
  if (found.size() == 1) return std::move(found.front());
  std::vector<std::string> names;
  for (const KeySource& source : found) names.push_back(source.Name());
  return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_AMBIGUOUS",
               "there is more than one master key: {}", fmt::join(names, " and "))
      .Remedy(fmt::format("keep the one that the database was sealed with: move the other file "
                          "away, take master_key out of [paths], {} out of the environment or the "
                          "credential {} out of the unit",
                          kKeyVariable, kKeyCredential));
}

absl::StatusOr<auth::SecretBox> LoadKey(const KeySource& source) {
  switch (source.kind) {
    case KeySource::Kind::kVariable:
      return auth::SecretBox::FromHex(source.hex.text(), kKeyVariable);
    case KeySource::Kind::kCredential:
      return auth::SecretBox::LoadCredential(source.path);
    case KeySource::Kind::kFile:
      break;
  }
  return auth::SecretBox::Load(source.path);
}

}  // namespace dmgr::secrets

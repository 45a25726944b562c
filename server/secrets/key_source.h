// Where the master key is kept: one place, of four.
#ifndef DMGR_SERVER_SECRETS_KEY_SOURCE_H_
#define DMGR_SERVER_SECRETS_KEY_SOURCE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/secret.h"
#include "server/auth/secret_box.h"

namespace dmgr::secrets {

inline constexpr char kKeyVariable[] = "DMGR_MASTER_KEY";
// The name of the systemd credential.
inline constexpr char kKeyCredential[] = "dmgrd-master-key";

// Takes a variable out of this process's environment, also of what /proc shows of it: programs that
// it starts do not have it. nullopt when it is not set. Before there is a second thread.
std::optional<Secret> TakeVariable(const char* name);

// All that may say where the key is.
struct KeyPlaces {
  // What dmgrd.toml names; empty: nothing.
  std::string named_file{};
  std::string default_file{};
  // The value of kKeyVariable.
  std::optional<Secret> variable{};
  // The environment's CREDENTIALS_DIRECTORY, or empty.
  std::string credentials_dir{};
};

struct KeySource {
  enum class Kind { kFile, kVariable, kCredential };
  Kind kind = Kind::kFile;
  // Of a file or a credential.
  std::string path{};
  Secret hex{};

  // As errors name it: its path, or the variable.
  std::string Name() const { return kind == Kind::kVariable ? kKeyVariable : path; }
  // How it is brought back when it is not there, or is not the right one.
  std::string BringBack() const;
};

// The named file, the variable or the credential; the default file when there is none of them.
// FAILED_PRECONDITION, MASTER_KEY_AMBIGUOUS, when there are two keys.
absl::StatusOr<KeySource> FindKey(const KeyPlaces& places);
// NOT_FOUND when there is no such file; else FAILED_PRECONDITION as SecretBox::Load.
absl::StatusOr<auth::SecretBox> LoadKey(const KeySource& source);

}  // namespace dmgr::secrets

#endif  // DMGR_SERVER_SECRETS_KEY_SOURCE_H_

// Secrets at rest: credentials and private keys are sealed under dmgrd's master key, which is in a
// file of its own and never in the database.
#ifndef DMGR_SERVER_AUTH_SECRET_BOX_H_
#define DMGR_SERVER_AUTH_SECRET_BOX_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/secret.h"

namespace dmgr::auth {

// XChaCha20-Poly1305 with a random nonce. Thread-safe.
class SecretBox {
 public:
  // Loads the master key from the file at path, which must have mode 0600 or less; makes it (and
  // its folder must be there) when it is not. Of several that make it at once, all get one key.
  static absl::StatusOr<SecretBox> Open(const std::string& path);
  // The same without making it: NOT_FOUND when there is none. FAILED_PRECONDITION when it is no
  // regular file of this process's user that only that user may read (a symbolic link is none).
  static absl::StatusOr<SecretBox> Load(const std::string& path);
  // Of a file that systemd has put there for this service: it may be root's, and systemd lets the
  // service's user in by an access list, which shows as rights of the group.
  static absl::StatusOr<SecretBox> LoadCredential(const std::string& path);
  // From 64 hex digits; name: what errors call it.
  static absl::StatusOr<SecretBox> FromHex(std::string_view hex, const std::string& name);

  SecretBox(SecretBox&&) = default;
  SecretBox& operator=(SecretBox&&) = default;

  // Tells this key from others, and nothing else of it: 32 hex digits.
  std::string Id() const;

  // The sealed text carries the key's id. context names what the secret belongs to, "cluster:UUID":
  // sealed text opens only with the same, so that nobody who writes to the database can give one
  // thing's secret to another.
  std::string Seal(std::string_view plaintext, std::string_view context) const;
  // Tells equal texts from others without telling what they are: an HMAC (SHA-512-256) under a key
  // that is derived from the master key, in hex. What was made with another master key differs.
  std::string Fingerprint(std::string_view text) const;
  // The key of the fingerprints. It opens nothing.
  std::string FingerprintKey() const;
  // As Fingerprint does with this FingerprintKey.
  static std::string FingerprintWith(std::string_view key, std::string_view text);
  // Knows also fingerprints that were made before the master key was changed.
  void AddFormerFingerprintKey(std::string key) {
    former_fingerprint_keys_.emplace_back(std::move(key));
  }
  bool IsFingerprint(std::string_view text, std::string_view fingerprint) const;
  // The key of dmgrd's own backups: 32 bytes, which open no other sealed text.
  Secret BackupKey() const;
  // Whether the sealed text says that it was sealed with this key.
  bool HasSealed(std::string_view sealed) const;
  // DATA_LOSS when it was sealed with another key or context, or was changed. Reads also what was
  // sealed before keys had an id.
  absl::StatusOr<std::string> Open(std::string_view sealed, std::string_view context) const;

 private:
  // Locked memory, wiped when freed.
  using Key = std::unique_ptr<unsigned char, void (*)(void*)>;
  explicit SecretBox(Key key);
  static Key NewKey();
  enum class Keeper { kUser, kSystemd };
  static absl::StatusOr<SecretBox> LoadFrom(const std::string& path, Keeper keeper);
  static absl::Status Create(const std::string& path);

  Key key_;
  // Its bytes, as sealed texts carry them.
  std::string id_;
  std::vector<Secret> former_fingerprint_keys_;
};

}  // namespace dmgr::auth

#endif  // DMGR_SERVER_AUTH_SECRET_BOX_H_

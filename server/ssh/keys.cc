#include <string.h>

#include <mutex>
#include <sstream>

#include "server/ssh/handles.h"

namespace dmgr::ssh {
namespace {

struct FreeString {
  void operator()(char* text) const {
    explicit_bzero(text, strlen(text));
    ssh_string_free_char(text);
  }
};
using LibraryString = std::unique_ptr<char, FreeString>;

}  // namespace

void InitLibrary() {
  static std::once_flag once;
  std::call_once(once, [] { ssh_init(); });
}

absl::StatusOr<Handle<ssh_key>> ParsePrivateKey(const std::string& text,
                                                const std::string& passphrase) {
  InitLibrary();
  ssh_key key = nullptr;
  // An empty passphrase is passed on as such: for none at all, OpenSSL would ask the terminal.
  if (ssh_pki_import_privkey_base64(text.c_str(), passphrase.c_str(), nullptr, nullptr, &key) !=
      SSH_OK) {
    const char* cause = passphrase.empty()
                            ? "it is malformed, of an unknown type, or has a passphrase"
                            : "it is malformed, of an unknown type, or the passphrase is wrong";
    return Error(absl::StatusCode::kInvalidArgument, "BAD_PRIVATE_KEY",
                 "the private key cannot be read: {}", cause)
        .Remedy("try it with: ssh-keygen -y -f FILE");
  }
  return Handle<ssh_key>(key);
}

std::string KeyLine(ssh_key key) {
  char* base64 = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) return {};
  const LibraryString owner(base64);
  const char* type = ssh_key_type_to_char(ssh_key_type(key));
  return type == nullptr ? std::string() : fmt::format("{} {}", type, base64);
}

Handle<ssh_key> ParseKeyLine(const std::string& line) {
  InitLibrary();
  std::istringstream words(line);
  std::string type;
  std::string base64;
  words >> type >> base64;
  const ssh_keytypes_e key_type = ssh_key_type_from_name(type.c_str());
  ssh_key key = nullptr;
  if (key_type == SSH_KEYTYPE_UNKNOWN || base64.empty() ||
      ssh_pki_import_pubkey_base64(base64.c_str(), key_type, &key) != SSH_OK) {
    return nullptr;
  }
  return Handle<ssh_key>(key);
}

std::string KeyFingerprint(ssh_key key) {
  unsigned char* hash = nullptr;
  size_t size = 0;
  if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0) return {};
  const LibraryString text(ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size));
  ssh_clean_pubkey_hash(&hash);
  return text == nullptr ? std::string() : std::string(text.get());
}

std::string Fingerprint(const std::string& host_key) {
  const Handle<ssh_key> key = ParseKeyLine(host_key);
  return key == nullptr ? std::string() : KeyFingerprint(key.get());
}

absl::StatusOr<KeyPair> GenerateKeyPair(const std::string& comment) {
  InitLibrary();
  const auto failed = [] {
    return Error(absl::StatusCode::kInternal, "KEY_GENERATION_FAILED",
                 "cannot generate an ed25519 key pair");
  };
  ssh_key raw = nullptr;
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &raw) != SSH_OK) return failed();
  const Handle<ssh_key> key(raw);
  char* text = nullptr;
  if (ssh_pki_export_privkey_base64(key.get(), nullptr, nullptr, nullptr, &text) != SSH_OK) {
    return failed();
  }
  const LibraryString private_key(text);
  const std::string line = KeyLine(key.get());
  if (line.empty()) return failed();
  return KeyPair{private_key.get(), comment.empty() ? line : line + " " + comment};
}

}  // namespace dmgr::ssh

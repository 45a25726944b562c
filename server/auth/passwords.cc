#include "server/auth/passwords.h"

#include <sodium.h>

#include <cstdlib>

#include "common/error.h"
#include "common/ids.h"

namespace dmgr::auth {
namespace {

void InitSodium() {
  // Safe to repeat; only the first call does anything.
  if (sodium_init() < 0) std::abort();
}

}  // namespace

absl::Status CheckPassword(std::string_view password, std::string_view field) {
  if (password.size() >= kMinPasswordLength && password.size() <= kMaxPasswordLength) {
    return absl::OkStatus();
  }
  const std::string rule =
      fmt::format("must have {} to {} characters", kMinPasswordLength, kMaxPasswordLength);
  return Error(absl::StatusCode::kInvalidArgument, "PASSWORD_INVALID", "the new password {}", rule)
      .Field(field, rule)
      .Remedy("choose another password");
}

absl::StatusOr<std::string> HashPassword(std::string_view password) {
  RETURN_IF_ERROR(CheckPassword(password, "new_password"));
  InitSodium();
  char hash[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str(hash, password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                 "no memory to hash a password")
        .Remedy("try again; dmgrd needs 64 MiB for each login that is under way");
  }
  return std::string(hash);
}

bool VerifyPassword(std::string_view password, const std::string& hash) {
  // libsodium reads a terminated text of at most this size.
  if (password.size() > kMaxPasswordLength || hash.size() >= crypto_pwhash_STRBYTES) return false;
  InitSodium();
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

const std::string& UnknownUserHash() {
  static const std::string kHash = HashPassword(HexEncode(RandomBytes(32))).value_or("");
  return kHash;
}

}  // namespace dmgr::auth

// Passwords of dmgr's own users.
#ifndef DMGR_SERVER_AUTH_PASSWORDS_H_
#define DMGR_SERVER_AUTH_PASSWORDS_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace dmgr::auth {

inline constexpr std::size_t kMinPasswordLength = 8;
inline constexpr std::size_t kMaxPasswordLength = 1024;

// OK for a password that may be set: 8 to 1024 bytes. INVALID_ARGUMENT, with field as the path of
// the request's field.
absl::Status CheckPassword(std::string_view password, std::string_view field);

// argon2id with a salt of its own, in libsodium's text form. Takes about 60 ms of one core and
// 64 MiB. RESOURCE_EXHAUSTED when that memory is not there; INVALID_ARGUMENT as CheckPassword.
absl::StatusOr<std::string> HashPassword(std::string_view password);

// False also for a hash that is none. Takes as long as HashPassword.
bool VerifyPassword(std::string_view password, const std::string& hash);

// A hash that no password has: verify against it when the user is unknown, so that the time of the
// answer does not tell.
const std::string& UnknownUserHash();

}  // namespace dmgr::auth

#endif  // DMGR_SERVER_AUTH_PASSWORDS_H_

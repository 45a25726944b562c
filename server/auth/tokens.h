// Tokens of sessions.
#ifndef DMGR_SERVER_AUTH_TOKENS_H_
#define DMGR_SERVER_AUTH_TOKENS_H_

#include <string>
#include <string_view>

namespace dmgr::auth {

// A new secret: "dmgr_" and 32 random bytes in URL-safe base64 (48 characters in all).
std::string NewToken();
// What is kept of a token: its BLAKE2b in hex, 64 characters. No salt and no stretching are needed:
// a token is random.
std::string HashToken(std::string_view token);

}  // namespace dmgr::auth

#endif  // DMGR_SERVER_AUTH_TOKENS_H_

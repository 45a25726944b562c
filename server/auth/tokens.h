// Tokens: of sessions, of services, and the one-time secret.
#ifndef DMGR_SERVER_AUTH_TOKENS_H_
#define DMGR_SERVER_AUTH_TOKENS_H_

#include <optional>
#include <string>
#include <string_view>

namespace dmgr::auth {

// A new secret: "dmgr_" and 32 random bytes in URL-safe base64 (48 characters in all).
std::string NewToken();
// What is kept of a token: its BLAKE2b in hex, 64 characters. No salt and no stretching are needed:
// a token is random.
std::string HashToken(std::string_view token);

// What API tokens look like: "dmgrt_" and 32 random bytes in URL-safe base64.
std::string NewApiToken();
bool IsApiToken(std::string_view token);

// What tokens of sessions look like: "dmgrs_", 16 bytes that all tokens of the session have, "."
// and 32 of its own, all random. After another token of the session, or the first one of a new
// session.
std::string NewSessionToken(std::string_view before = {});
// Hash of what all tokens of its session have; nullopt when it is no such token.
std::optional<std::string> SessionIdOf(std::string_view token);

}  // namespace dmgr::auth

#endif  // DMGR_SERVER_AUTH_TOKENS_H_

#include "server/auth/tokens.h"

#include <sodium.h>

#include "common/ids.h"

namespace dmgr::auth {
namespace {

constexpr std::string_view kSession = "dmgrs_";
constexpr std::string_view kApi = "dmgrt_";
constexpr std::size_t kCommonBytes = 16;
constexpr std::size_t kOwnBytes = 32;
// With its prefix and the dot behind it; base64 without padding.
constexpr std::size_t kCommonPart = kSession.size() + (kCommonBytes * 4 + 2) / 3 + 1;
constexpr std::size_t kOwnPart = (kOwnBytes * 4 + 2) / 3;

}  // namespace

std::string NewToken() { return "dmgr_" + Base64UrlEncode(RandomBytes(kOwnBytes)); }

std::string HashToken(std::string_view token) {
  std::string hash(crypto_generichash_BYTES, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(token.data()), token.size(), nullptr,
                     0);
  return HexEncode(hash);
}

std::string NewApiToken() { return std::string(kApi) + Base64UrlEncode(RandomBytes(kOwnBytes)); }

bool IsApiToken(std::string_view token) {
  return token.starts_with(kApi) && token.size() == kApi.size() + kOwnPart;
}

std::string NewSessionToken(std::string_view before) {
  const std::string common =
      before.empty() ? std::string(kSession) + Base64UrlEncode(RandomBytes(kCommonBytes)) + "."
                     : std::string(before.substr(0, kCommonPart));
  return common + Base64UrlEncode(RandomBytes(kOwnBytes));
}

std::optional<std::string> SessionIdOf(std::string_view token) {
  if (!token.starts_with(kSession) || token.size() != kCommonPart + kOwnPart ||
      token[kCommonPart - 1] != '.') {
    return std::nullopt;
  }
  return HashToken(token.substr(0, kCommonPart));
}

}  // namespace dmgr::auth

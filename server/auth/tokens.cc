#include "server/auth/tokens.h"

#include <sodium.h>

#include "common/ids.h"

namespace dmgr::auth {

std::string NewToken() { return "dmgr_" + Base64UrlEncode(RandomBytes(32)); }

std::string HashToken(std::string_view token) {
  std::string hash(crypto_generichash_BYTES, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(token.data()), token.size(), nullptr,
                     0);
  return HexEncode(hash);
}

}  // namespace dmgr::auth

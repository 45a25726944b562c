// What the files of backups have in common with libsodium.
#ifndef DMGR_SERVER_BACKUPS_SODIUM_H_
#define DMGR_SERVER_BACKUPS_SODIUM_H_

#include <sodium.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace dmgr::backups {

inline unsigned char* SodiumBytes(std::string* text) {
  return reinterpret_cast<unsigned char*>(text->data());
}
inline const unsigned char* SodiumBytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Before the first call of the library; safe to repeat.
inline void UseSodium() {
  if (sodium_init() < 0) std::abort();
}

}  // namespace dmgr::backups

#endif  // DMGR_SERVER_BACKUPS_SODIUM_H_

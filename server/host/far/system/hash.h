// BLAKE2b-256, as releases and their archives are named by.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_HASH_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_HASH_H_

#include <sodium.h>

#include <cstddef>
#include <string>

#include "server/host/far/base/call.h"

namespace dmgr::far {

class Hasher {
 public:
  Hasher();
  void Add(const void* data, std::size_t size);
  // Lower case hex. Nothing may be added after it.
  std::string Finish();

 private:
  crypto_generichash_state state_;
};

// Of all that is read from fd; path is for people. Throws CANCELLED.
std::string HashOf(const Call& call, int fd, const std::string& path);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_HASH_H_

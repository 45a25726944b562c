// Hashes of passwords, a few at a time.
#ifndef DMGR_SERVER_ACCOUNTS_HASHING_H_
#define DMGR_SERVER_ACCOUNTS_HASHING_H_

#include <semaphore>
#include <string>

#include "absl/status/statusor.h"

namespace dmgr::accounts {

// argon2id takes 64 MiB a time: guessing must not eat the memory, so that at most two run at once,
// and the others wait. Thread-safe.
class Hashing {
 public:
  // INVALID_ARGUMENT, naming new_password, for a password that may not be set.
  absl::StatusOr<std::string> Hash(const std::string& password);
  bool Verify(const std::string& password, const std::string& hash);

 private:
  std::counting_semaphore<> turns_{2};
};

}  // namespace dmgr::accounts

#endif  // DMGR_SERVER_ACCOUNTS_HASHING_H_

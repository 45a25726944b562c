// Hashes of passwords, a few at a time.
#ifndef DMGR_SERVER_ACCOUNTS_HASHING_H_
#define DMGR_SERVER_ACCOUNTS_HASHING_H_

#include <condition_variable>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace dmgr::accounts {

struct HashingLimits {
  // Hashes at once, of 64 MiB each.
  int slots = 2;
  // Callers that wait for a slot, and how long one does.
  int queue = 16;
  absl::Duration wait = absl::Seconds(2);
};

// argon2id takes 64 MiB and 60 ms a time: guessing must eat neither the memory nor the threads that
// serve calls. All passwords are hashed here. Thread-safe.
class Hashing {
 public:
  explicit Hashing(const HashingLimits& limits = {}) : limits_(limits), free_(limits.slots) {}

  // RESOURCE_EXHAUSTED (TOO_BUSY), with when to try again, when too many wait already, or no slot
  // became free in time. INVALID_ARGUMENT, naming new_password, for a password that may not be set.
  absl::StatusOr<std::string> Hash(const std::string& password);
  // RESOURCE_EXHAUSTED as Hash.
  absl::StatusOr<bool> Verify(const std::string& password, const std::string& hash);

 private:
  class Turn;

  const HashingLimits limits_;
  std::mutex mutex_;  // Guards all below.
  std::condition_variable freed_;
  int free_;
  int waiting_ = 0;
};

}  // namespace dmgr::accounts

#endif  // DMGR_SERVER_ACCOUNTS_HASHING_H_

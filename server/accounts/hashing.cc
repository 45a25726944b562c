#include "server/accounts/hashing.h"

#include <utility>

#include "common/error.h"
#include "common/retry.h"
#include "server/auth/passwords.h"

namespace dmgr::accounts {

// A slot, for as long as it lives.
class Hashing::Turn {
 public:
  static absl::StatusOr<Turn> Take(Hashing* hashing);
  ~Turn() {
    if (hashing_ == nullptr) return;
    {
      const std::lock_guard lock(hashing_->mutex_);
      ++hashing_->free_;
    }
    hashing_->freed_.notify_one();
  }
  Turn(Turn&& other) noexcept : hashing_(std::exchange(other.hashing_, nullptr)) {}
  Turn& operator=(Turn&&) = delete;

 private:
  explicit Turn(Hashing* hashing) : hashing_(hashing) {}

  Hashing* hashing_;
};

absl::StatusOr<Hashing::Turn> Hashing::Turn::Take(Hashing* hashing) {
  const HashingLimits& limits = hashing->limits_;
  std::unique_lock lock(hashing->mutex_);
  bool has_slot = hashing->free_ > 0;
  if (!has_slot && hashing->waiting_ < limits.queue) {
    ++hashing->waiting_;
    has_slot = hashing->freed_.wait_for(lock, absl::ToChronoMilliseconds(limits.wait),
                                        [&] { return hashing->free_ > 0; });
    --hashing->waiting_;
  }
  if (!has_slot) {
    return RetryAfter(
        Error(absl::StatusCode::kResourceExhausted, "TOO_BUSY", "too many logins at once")
            .Remedy("try again in some seconds"),
        limits.wait);
  }
  --hashing->free_;
  return Turn(hashing);
}

absl::StatusOr<std::string> Hashing::Hash(const std::string& password) {
  RETURN_IF_ERROR(auth::CheckPassword(password, "new_password"));
  ASSIGN_OR_RETURN(const Turn turn, Turn::Take(this));
  return auth::HashPassword(password);
}

absl::StatusOr<bool> Hashing::Verify(const std::string& password, const std::string& hash) {
  ASSIGN_OR_RETURN(const Turn turn, Turn::Take(this));
  return auth::VerifyPassword(password, hash);
}

}  // namespace dmgr::accounts

#include "server/accounts/hashing.h"

#include "server/auth/passwords.h"

namespace dmgr::accounts {
namespace {

class Turn {
 public:
  explicit Turn(std::counting_semaphore<>* turns) : turns_(turns) { turns_->acquire(); }
  ~Turn() { turns_->release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::counting_semaphore<>* turns_;
};

}  // namespace

absl::StatusOr<std::string> Hashing::Hash(const std::string& password) {
  const Turn turn(&turns_);
  return auth::HashPassword(password);
}

bool Hashing::Verify(const std::string& password, const std::string& hash) {
  const Turn turn(&turns_);
  return auth::VerifyPassword(password, hash);
}

}  // namespace dmgr::accounts

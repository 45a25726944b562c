// A dmgrd that serves is known at its database: the master key is changed while there is none.
#ifndef DMGR_SERVER_SECRETS_KEY_WATCH_H_
#define DMGR_SERVER_SECRETS_KEY_WATCH_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/database.h"

namespace dmgr::secrets {

// From before its key is looked at until dmgrd ends. Thread-safe.
class KeyWatch {
 public:
  // Waits until the database knows of it. UNAVAILABLE when that takes too long.
  static absl::StatusOr<std::unique_ptr<KeyWatch>> Start(store::Database* database,
                                                         const std::string& dsn);
  ~KeyWatch();

  // The id of the key that it looks for from now on.
  void Expect(const std::string& key_id);
  // FAILED_PRECONDITION, KEY_MISMATCH or KEY_ROTATION_UNFINISHED, when the database was given
  // another one, which can be done while it is out of sight.
  absl::Status Check() const;

 private:
  struct Impl;
  explicit KeyWatch(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// FAILED_PRECONDITION, KEY_IN_USE, while a dmgrd serves; until the transaction ends none begins.
absl::Status CheckNobodyServes(store::Transaction& tx);

}  // namespace dmgr::secrets

#endif  // DMGR_SERVER_SECRETS_KEY_WATCH_H_

// A database with something sealed in every place that there is, and its master key.
#ifndef DMGR_TESTS_STORE_SEALED_WORLD_H_
#define DMGR_TESTS_STORE_SEALED_WORLD_H_

#include <string>
#include <vector>

#include "server/auth/secret_box.h"
#include "server/secrets/master_key.h"
#include "tests/store/samples.h"
#include "tests/support/temp_dir.h"

namespace dmgr::secrets {

class SealedWorld {
 public:
  static constexpr int kMachines = 7;
  // Of one source.
  static constexpr int kRevisions = 2;

  SealedWorld();

  // What stands for the contexts of rooms above.
  static SealContexts Contexts();
  auth::SecretBox Key(const std::string& name) const;
  absl::StatusOr<auth::SecretBox> Start(const std::string& key_name);
  std::string Sql(const std::string& statement) const { return test::Sql(db.dsn(), statement); }
  // How many sealed values there are that one of the keys opens to what was sealed; anything else
  // fails.
  int Openable(const std::vector<const auth::SecretBox*>& keys);
  // Problems of the audit log, as a dmgrd with this key finds them.
  std::int64_t AuditProblems(const auth::SecretBox& key, std::int64_t* unverified = nullptr);
  // One more record, by this key.
  void Audit(const auth::SecretBox& key, const std::string& user);

  test::TempDir dir;
  test::TestDatabase db;
  std::string cluster_uuid;
  std::string operation_id;
};

}  // namespace dmgr::secrets

#endif  // DMGR_TESTS_STORE_SEALED_WORLD_H_

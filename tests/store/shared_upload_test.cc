// Uploads of files that several dmgrd share, and who cleans up after whom.
#include "server/store/package_store.h"
#include "server/store/shared_upload_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

constexpr absl::Duration kLong = absl::Minutes(15);
const SharedUpload kMine{.sha256 = std::string(64, 'a'), .owner = "mine"};
const SharedUpload kOther{.sha256 = std::string(64, 'a'), .owner = "other"};

absl::Status BeginUpload(Database& db, const SharedUpload& upload) {
  return db.Transact([&](Transaction& tx) { return BeginSharedUpload(tx, upload, kLong); });
}
absl::Status RenewUpload(Database& db, const SharedUpload& upload) {
  return db.Transact([&](Transaction& tx) { return RenewSharedUpload(tx, upload, kLong); });
}
std::optional<OverdueUpload> TakeUpload(Database& db) {
  return Get(db, [](Transaction& tx) { return TakeOverdueUpload(tx, kLong); });
}
void ForgetUpload(Database& db, const OverdueUpload& overdue) {
  REQUIRE_OK(db.Transact([&](Transaction& tx) { return ForgetSharedUpload(tx, overdue); }));
}
void LetDie(const test::TestDatabase& db, const SharedUpload& upload) {
  test::Sql(db.dsn(),
            "UPDATE shared_upload SET lease_until = now() - interval '1 second'"
            " WHERE owner = '" +
                upload.owner + "'");
}
v1::Package PackageOf(const SharedUpload& upload) {
  v1::Package package;
  package.set_version("v9.9.9");
  package.set_file_name("dm-v9.9.9.tar.gz");
  package.set_size_bytes(1);
  package.set_sha256(upload.sha256);
  package.set_arch("amd64");
  return package;
}

TEST_CASE("a living upload is nobody else's; a dead one's file is removed by one") {
  test::TestDatabase db;
  REQUIRE_OK(BeginUpload(*db, kMine));
  CHECK_FALSE(TakeUpload(*db).has_value());
  REQUIRE_OK(RenewUpload(*db, kMine));
  LetDie(db, kMine);
  const auto overdue = TakeUpload(*db);
  REQUIRE(overdue.has_value());
  CHECK(overdue->upload.owner == "mine");
  CHECK_FALSE(overdue->is_needed);
  INFO("meanwhile nobody else takes it, begins one, or goes on");
  CHECK_FALSE(TakeUpload(*db).has_value());
  CHECK(Reason(BeginUpload(*db, kOther)) == "UPLOAD_IN_PROGRESS");
  CHECK(Reason(RenewUpload(*db, kMine)) == "UPLOAD_LEASE_LOST");
  CHECK(Reason(db->Transact([](Transaction& tx) { return EndSharedUpload(tx, kMine); })) ==
        "UPLOAD_LEASE_LOST");
  ForgetUpload(*db, *overdue);
  CHECK(BeginUpload(*db, kOther).ok());
}

TEST_CASE("what another upload needs stays") {
  test::TestDatabase db;
  REQUIRE_OK(BeginUpload(*db, kMine));
  REQUIRE_OK(BeginUpload(*db, kOther));
  REQUIRE_OK(db->Transact([](Transaction& tx) { return GiveUpSharedUpload(tx, kMine); }));
  const auto overdue = TakeUpload(*db);
  REQUIRE(overdue.has_value());
  CHECK(overdue->is_needed);
  CHECK(RenewUpload(*db, kOther).ok());
}

TEST_CASE("a file is freed with its last row") {
  test::TestDatabase db;
  REQUIRE_OK(BeginUpload(*db, kMine));
  REQUIRE_OK(db->Transact([](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(InsertPackage(tx, PackageOf(kMine)));
    return EndSharedUpload(tx, kMine);
  }));
  CHECK_FALSE(TakeUpload(*db).has_value());
  REQUIRE_OK(db->Transact([](Transaction& tx) { return DeletePackage(tx, "v9.9.9"); }));
  const auto overdue = TakeUpload(*db);
  REQUIRE(overdue.has_value());
  CHECK(overdue->upload.owner.empty());
  CHECK_FALSE(overdue->is_needed);
}

TEST_CASE("what could not be cleaned up is soon tried again; nobody relies on it meanwhile") {
  test::TestDatabase db;
  REQUIRE_OK(BeginUpload(*db, kMine));
  LetDie(db, kMine);
  const auto failed = TakeUpload(*db);
  REQUIRE(failed.has_value());
  const auto postpone = [&](absl::Duration lease) {
    REQUIRE_OK(
        db->Transact([&](Transaction& tx) { return PostponeSharedUpload(tx, *failed, lease); }));
  };
  postpone(absl::ZeroDuration());
  CHECK(Reason(BeginUpload(*db, kOther)) == "UPLOAD_IN_PROGRESS");
  REQUIRE(TakeUpload(*db).has_value());
  INFO("it is another's now");
  postpone(absl::ZeroDuration());
  CHECK_FALSE(TakeUpload(*db).has_value());
}

TEST_CASE("a file whose last row goes while it is cleaned up as needed is freed all the same") {
  test::TestDatabase db;
  REQUIRE_OK(db->Transact([](Transaction& tx) { return InsertPackage(tx, PackageOf(kMine)); }));
  // One row of two is gone.
  test::Sql(db.dsn(), "INSERT INTO shared_upload (sha256, owner, lease_until) VALUES ('" +
                          kMine.sha256 + "', '', now() - interval '1 second')");
  const auto needed = TakeUpload(*db);
  REQUIRE(needed.has_value());
  CHECK(needed->is_needed);
  REQUIRE_OK(db->Transact([](Transaction& tx) { return DeletePackage(tx, "v9.9.9"); }));
  ForgetUpload(*db, *needed);
  const auto freed = TakeUpload(*db);
  REQUIRE(freed.has_value());
  CHECK_FALSE(freed->is_needed);
  INFO("who has taken it before does not forget it");
  ForgetUpload(*db, *needed);
  CHECK(Reason(BeginUpload(*db, kOther)) == "UPLOAD_IN_PROGRESS");
  ForgetUpload(*db, *freed);
  CHECK(BeginUpload(*db, kOther).ok());
}

TEST_CASE("a newer schema that allows it is gone on with") {
  test::TestDatabase db;
  const std::string known = test::Sql(db.dsn(), "SELECT max(version) FROM schema_migration");
  test::Sql(db.dsn(),
            "INSERT INTO schema_migration (version, name, min_reader)"
            " VALUES (9998, 'wider', 39), (9999, 'wider_still', " +
                known + ")");
  CHECK(db->Migrate().ok());
  CHECK(Get(*db, [](Transaction& tx) { return CheckSchema(tx); }) == 9999);
  test::Sql(db.dsn(), "UPDATE schema_migration SET min_reader = NULL WHERE version = 9998");
  CHECK(Reason(db->Migrate()) == "SCHEMA_TOO_NEW");
}

}  // namespace
}  // namespace dmgr::store

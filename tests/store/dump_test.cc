// The whole database, read at one moment and put into an empty one.
#include "server/store/dump.h"

#include <string>
#include <vector>

#include "server/store/migrations.h"
#include "server/store/restore.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

// What a backup keeps of one.
struct Kept {
  DumpHead head;
  std::vector<std::string> rows;
  std::vector<DumpSequence> sequences;
};

std::unique_ptr<Dump> Begin(const std::string& dsn) {
  auto dump = Dump::Begin(dsn);
  REQUIRE_OK(dump.status());
  return *std::move(dump);
}

Kept ReadAll(Dump* dump) {
  Kept kept{.head = dump->head(), .rows = {}, .sequences = {}};
  for (const auto& table : kept.head.tables) {
    std::string& rows = kept.rows.emplace_back();
    const auto count = dump->Read(table, [&](std::string_view piece) {
      rows += piece;
      return absl::OkStatus();
    });
    REQUIRE_OK(count.status());
  }
  const auto sequences = dump->Sequences();
  REQUIRE_OK(sequences.status());
  kept.sequences = *sequences;
  return kept;
}

absl::Status AddRows(const Kept& kept, DumpLoad* load) {
  for (std::size_t i = 0; i < kept.head.tables.size(); ++i) {
    RETURN_IF_ERROR(load->BeginTable(kept.head.tables[i]));
    // Pieces may begin and end within a row.
    for (std::size_t at = 0; at < kept.rows[i].size(); at += 7) {
      RETURN_IF_ERROR(load->Add(std::string_view(kept.rows[i]).substr(at, 7)));
    }
    RETURN_IF_ERROR(load->EndTable());
  }
  return absl::OkStatus();
}

absl::Status PutInto(const std::string& dsn, const Kept& kept) {
  ASSIGN_OR_RETURN(const auto load, DumpLoad::Begin(dsn, kept.head));
  RETURN_IF_ERROR(AddRows(kept, load.get()));
  return load->Commit(kept.sequences);
}

// Every row of every table as text.
std::string Everything(const std::string& dsn, const std::vector<DumpTable>& tables) {
  std::string all;
  for (const auto& table : tables) {
    all += table.name + ": " +
           Sql(dsn, "SELECT coalesce(string_agg(t::text, '; ' ORDER BY t::text), '') FROM \"" +
                        table.name + "\" t") +
           "\n";
  }
  return all;
}

void FillWithRecords(test::TestDatabase& db) {
  InsertBasics(*db);
  REQUIRE_OK(db->Transact([](Transaction& tx) {
    return InsertCluster(tx, SampleCluster("c1", 8261), {{"h1", "id-h1"}});
  }));
  InsertOne(*db);
  Claim claim;
  ClaimOne(*db, absl::Minutes(5), &claim);
  REQUIRE_OK(SetStep(*db, claim, "a", v1::STEP_STATE_RUNNING));
  Sql(db.dsn(),
      "INSERT INTO \"user\" (user_name, role, password_hash) VALUES"
      " (E'\\\\back\\tslash', 'ADMIN', E'$argon2id$line\\nbreak'),"
      " ('zo\u00eb', 'VIEWER', '$argon2id$')");
}

TEST_CASE("what is put into an empty database is what was read, with all that keeps it right") {
  test::TestDatabase db;
  FillWithRecords(db);
  const Kept kept = ReadAll(Begin(db.dsn()).get());
  CHECK(kept.head.schema_version == static_cast<int>(Migrations().size()));
  CHECK(kept.head.epoch > 0);
  REQUIRE(kept.head.clusters.size() == 1);
  CHECK(kept.head.clusters[0].name == "c1");
  const test::TestDsn other;
  REQUIRE_OK(PutInto(other.dsn(), kept));
  const std::string before = Everything(db.dsn(), kept.head.tables);
  CHECK(before.find("back") != std::string::npos);
  CHECK(Everything(other.dsn(), kept.head.tables) == before);

  INFO("numbers go on, and triggers are on again");
  for (const char* sequence : {"operation_epoch", "audit_log_audit_id_seq"}) {
    const std::string last = std::string("SELECT last_value FROM ") + sequence;
    CHECK(Sql(other.dsn(), last) == Sql(db.dsn(), last));
  }
  CHECK(Sql(other.dsn(), "SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'") == "0");
  const auto opened = Database::Open({.dsn = other.dsn(), .pool_size = 1});
  REQUIRE_OK(opened.status());
  REQUIRE_OK((*opened)->Migrate());
  REQUIRE_OK((*opened)->Transact(
      [](Transaction& tx) -> absl::Status { return AfterRestore(tx).status(); }));
}

TEST_CASE("a dump sees nothing of what others do meanwhile, and is not in their way") {
  test::TestDatabase db;
  FillWithRecords(db);
  const std::string before = Everything(db.dsn(), Begin(db.dsn())->head().tables);
  const auto dump = Begin(db.dsn());
  Sql(db.dsn(), "DELETE FROM \"user\"");
  Sql(db.dsn(), "UPDATE operation SET user_name = 'another'");
  const Kept kept = ReadAll(dump.get());
  const test::TestDsn other;
  REQUIRE_OK(PutInto(other.dsn(), kept));
  CHECK(Everything(other.dsn(), kept.head.tables) == before);
}

TEST_CASE("only an empty database is filled, and what was cut off can be begun again") {
  test::TestDatabase db;
  FillWithRecords(db);
  const Kept kept = ReadAll(Begin(db.dsn()).get());
  const std::string before = Everything(db.dsn(), kept.head.tables);
  const absl::Status refused = PutInto(db.dsn(), kept);
  CHECK(Reason(refused) == "DATABASE_NOT_EMPTY");
  CHECK(Everything(db.dsn(), kept.head.tables) == before);

  const test::TestDsn other;
  {
    const auto load = DumpLoad::Begin(other.dsn(), kept.head);
    REQUIRE_OK(load.status());
    REQUIRE_OK(AddRows(kept, load->get()));
  }
  CHECK(Sql(other.dsn(), "SELECT count(*) FROM operation") == "0");
  REQUIRE_OK(PutInto(other.dsn(), kept));
  CHECK(Everything(other.dsn(), kept.head.tables) == before);
}

TEST_CASE("rows of a newer schema are read where it allows that") {
  test::TestDatabase db;
  Sql(db.dsn(),
      "INSERT INTO schema_migration (version, name, min_reader) VALUES (9999, 'wider', 39)");
  CHECK(Begin(db.dsn())->head().schema_version == 9999);
  Sql(db.dsn(), "UPDATE schema_migration SET min_reader = NULL WHERE version = 9999");
  CHECK(Reason(Dump::Begin(db.dsn()).status()) == "SCHEMA_TOO_NEW");
}

TEST_CASE("rows of an older schema go into that one, those of a newer one nowhere") {
  test::TestDatabase db;
  Kept kept = ReadAll(Begin(db.dsn()).get());
  kept.head.schema_version += 1;
  const test::TestDsn other;
  CHECK(Reason(PutInto(other.dsn(), kept)) == "SCHEMA_TOO_NEW");
  const test::TestDsn old;
  REQUIRE_OK(MigrateTo(old.dsn(), 20));
  const Kept of_old = ReadAll(Begin(old.dsn()).get());
  CHECK(of_old.head.schema_version == 20);
  CHECK(of_old.head.key_id.empty());
  REQUIRE_OK(PutInto(other.dsn(), of_old));
  CHECK(Sql(other.dsn(), "SELECT max(version) FROM schema_migration") == "20");
  CHECK(Reason(PutInto(db.dsn(), of_old)) == "DATABASE_NOT_EMPTY");
  const test::TestDsn empty;
  CHECK(Reason(Dump::Begin(empty.dsn()).status()) == "DATABASE_EMPTY");
}

}  // namespace
}  // namespace dmgr::store

// What gets a stuck task going: what is printed, and the commands to type.
#include <catch2/catch.hpp>

#include "client/output/tables.h"
#include "dmgr/v1/shard_lock_service.pb.h"
#include "dmgr/v1/table_structure_service.pb.h"
#include "dmgr/v1/task_error_service.pb.h"
#include "dmgr/v1/validation_service.pb.h"
#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

TEST_CASE("errors are printed with where they are and what to type", "[mend]") {
  const auto text = ToTable(Parse<v1::ListTaskErrorsResponse>(R"(
    sources { source_id: "s1" stage: TASK_STAGE_PAUSED unit: TASK_UNIT_SYNC
      errors { code: 44006 error_class: "schema" message: "cannot track" raw_cause: "1060" }
      binlog_position: "bin.000002:4" advice: "skip it"
      next_actions { action: ACTION_SKIP_TASK_ERROR
        arguments { key: "cluster_name" value: "demo" } arguments { key: "task_name" value: "shop" }
        arguments { key: "source_ids" value: "s1" } }
      next_actions { action: ACTION_RESUME_TASK
        arguments { key: "cluster_name" value: "demo" }
        arguments { key: "task_name" value: "shop" } } }
    silent_sources { key: "s2" value: "gone" })"));
  CHECK(text ==
        "source s1 on -  paused  sync  at bin.000002:4\n"
        "  error 44006 (schema): cannot track\n"
        "  cause: 1060\n"
        "next: skip it: dmgrctl task errors skip demo shop --source s1\n"
        "  or: dmgrctl task resume demo shop\n"
        "source s2 could not be asked: gone\n");
  CHECK(ToTable(v1::ListTaskErrorsResponse()) == "no errors\n");
}

TEST_CASE("locks, structures and tables are printed", "[mend]") {
  const auto locks = Lines(ToTable(Parse<v1::ListShardLocksResponse>(R"(
    locks { lock_id: "shop-t" task_name: "shop" mode: "pessimistic" owner_source_id: "s1"
      statements: "alter" synced_shards: "s1-t" unsynced_shards: "s2-t" })")));
  REQUIRE(locks.size() == 2);
  CHECK(locks[1] == "shop-t  shop  pessimistic  s1     s1-t    s2-t       alter");
  CHECK(ToTable(Parse<v1::GetTableStructureResponse>(
            "structures { source_id: 's1' statement: 'CREATE TABLE t (id int)' }")) ==
        "-- source s1\nCREATE TABLE t (id int);\n");
  const auto tables = Lines(ToTable(Parse<v1::ListTaskTablesResponse>(
      "tables { source_id: 's1' database_name: 'db' table_name: 't' }")));
  REQUIRE(tables.size() == 2);
  CHECK_THAT(tables[1], Catch::Contains("s1      db        t"));
}

TEST_CASE("a validation is printed with its tables, and rows that differ", "[mend]") {
  const auto text = ToTable(Parse<v1::GetValidationResponse>(R"(
    validators { source_id: "s1" mode: VALIDATION_MODE_FAST stage: TASK_STAGE_RUNNING
      errors { code: 5 message: "broken" } }
    tables { source_id: "s1" source_table: "db.t" stage: TASK_STAGE_STOPPED message: "no key" })"));
  CHECK_THAT(text, Catch::Contains("fast") && Catch::Contains("s1: error 5: broken") &&
                       Catch::Contains("no key"));
  const auto rows = ToTable(Parse<v1::ListValidationErrorsResponse>(
      "errors { error_id: '1' state: VALIDATION_ERROR_STATE_NEW source_id: 's1' } truncated: "
      "true"));
  CHECK_THAT(rows, Catch::Contains("1   new    s1") && Catch::Contains("and more"));
}

}  // namespace
}  // namespace dmgr::client

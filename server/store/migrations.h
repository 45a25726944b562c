// The numbered SQL files of migrations/, compiled in.
#ifndef DMGR_SERVER_STORE_MIGRATIONS_H_
#define DMGR_SERVER_STORE_MIGRATIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/store/database.h"

namespace dmgr::store {

struct Connection;

struct Migration {
  int version;
  const char* name;  // "init" of V001__init.sql.
  // A dmgrd that knows this version may go on with the schema: its own, or what the file's first
  // line says, "-- min_reader: 39".
  int min_reader;
  const char* sql;
};

// By version: 1, 2, 3, ...
//
// A migration runs in one transaction and keeps all others from the tables that it changes. So it
// must take no longer for a large table: what reads or writes every row of one (operation_event may
// have 10 GB) is done otherwise. A rule for new rows is a trigger, or NOT VALID; a new type of a
// column one that is stored alike, such as a domain that gets its rules afterwards; a new column
// has a constant as its default.
//
// While dmgrd is upgraded, one replica after another, older ones go on with the newer schema, and
// start on it, if each migration that they do not know allows it by its min_reader (39 or more: who
// knows less does not look at it). It may, when what they read and write stays as it was: new
// tables, new columns that they need not fill, wider rules. Operations of kinds that they do not
// know they leave to others.
const std::vector<Migration>& Migrations();

// What a dmgrd that knows version $1 would have to know instead, of a schema that is newer.
inline constexpr char kLeastKnown[] =
    "SELECT max(coalesce(min_reader, version)) AS v FROM schema_migration"
    " WHERE version > $1::integer";

// Brings the schema of an empty database to a version that this build has left behind.
absl::Status MigrateTo(const std::string& dsn, int version);

// As Database::Migrate, on a connection that is closed afterwards. database: its name for messages.
absl::Status ApplyMigrations(Connection& connection, const std::string& database,
                             const Database::MigrationProgress& on_progress);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_MIGRATIONS_H_

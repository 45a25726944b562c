#include <spdlog/spdlog.h>

#include "server/store/migrations.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr int kAttempts = 3;
// Any number that no other program uses on this database; of the session, so that it holds from the
// first migration to the last.
constexpr char kLock[] = "SELECT pg_advisory_lock(7236830541)";
// For the lock only: to tell that it is still waited for.
constexpr char kLockPatience[] = "SET lock_timeout = '5s'";
constexpr char kNoLockPatience[] = "SET lock_timeout = 0";
constexpr char kLockNotAvailable[] = "55P03";
constexpr char kNoTimeout[] = "SET statement_timeout = 0";
constexpr char kCreateSchemaMigration[] =
    "CREATE TABLE IF NOT EXISTS schema_migration ("
    "  version integer PRIMARY KEY CHECK (version > 0),"
    "  name text NOT NULL,"
    "  apply_time timestamptz NOT NULL DEFAULT clock_timestamp())";
constexpr char kSchemaVersion[] = "SELECT coalesce(max(version), 0) AS v FROM schema_migration";
// What a migration raises that would take from operations what they need to go on.
constexpr char kOperationsActive[] = "DM001";
constexpr char kRecord[] = "INSERT INTO schema_migration (version, name) VALUES ($1::integer, $2)";
// The column is there since version 39.
constexpr char kRecordReader[] =
    "UPDATE schema_migration SET min_reader = $2::integer WHERE version = $1::integer";

constexpr char kHasSchema[] = "SELECT to_regclass('schema_migration') IS NOT NULL AS has_schema";

// The newest version that this dmgrd knows.
int Known() { return static_cast<int>(Migrations().size()); }

// version: newer than Known(). least: that of kLeastKnown.
absl::Status CheckNewer(const std::string& database, int version, int least) {
  if (least <= Known()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_NEW",
               "database {}: its schema has version {}, which may be used by who knows version {}; "
               "this dmgrd knows {}",
               database, version, least, Known())
      .Remedy("start the dmgrd that made the schema, or a newer one");
}

class Migrator {
 public:
  Migrator(Connection* connection, const std::string& database,
           const Database::MigrationProgress& on_progress, int newest)
      : connection_(*connection), database_(database), on_progress_(on_progress), newest_(newest) {}

  absl::Status Run() {
    RETURN_IF_ERROR(Lock());
    ASSIGN_OR_RETURN(const int version, SchemaVersion());
    is_new_ = version == 0;
    if (version > Known()) return CheckMayServe(version);
    for (const Migration& migration : Migrations()) {
      if (migration.version > version && migration.version <= newest_)
        RETURN_IF_ERROR(Apply(migration));
    }
    return absl::OkStatus();
  }

 private:
  void Tell(const std::string& what) const {
    if (!is_new_) spdlog::info("database {}: {}", database_, what);
    if (on_progress_) on_progress_(what);
  }

  // What work(session) returns; what it throws becomes a status.
  template <typename Pq, typename F>
  Failure Try(const F& work) {
    try {
      Pq session(connection_.pq);
      work(session);
      session.commit();
      return {absl::OkStatus()};
    } catch (...) {
      return CurrentFailure(database_, connection_.pq.is_open());
    }
  }

  absl::Status Lock() {
    while (true) {
      const absl::Status status = Try<pqxx::nontransaction>([](auto& session) {
                                    session.exec(kNoTimeout);
                                    session.exec(kLockPatience);
                                    session.exec(kLock);
                                    session.exec(kNoLockPatience);
                                  }).status;
      if (Metadata(status, "sqlstate") != kLockNotAvailable) return status;
      Tell("waiting for another dmgrd that changes the schema");
    }
  }

  absl::StatusOr<int> SchemaVersion() {
    int version = 0;
    RETURN_IF_ERROR(Try<pqxx::work>([&](auto& session) {
                      session.exec(kCreateSchemaMigration);
                      version = session.exec1(kSchemaVersion)["v"].template as<int>();
                    }).status);
    return version;
  }

  // Another dmgrd is newer, as in the midst of an upgrade.
  absl::Status CheckMayServe(int version) {
    int least = version;
    RETURN_IF_ERROR(Try<pqxx::work>([&](auto& session) {
                      least = session.exec_params1(kLeastKnown, Known())["v"].template as<int>();
                    }).status);
    RETURN_IF_ERROR(CheckNewer(database_, version, least));
    spdlog::warn(
        "database {}: its schema has version {}, made by a newer dmgrd; this one knows {}, "
        "and may go on with it",
        database_, version, Known());
    return absl::OkStatus();
  }

  absl::Status Apply(const Migration& migration) {
    Tell(fmt::format("its schema is brought to version {} ({}) of {}", migration.version,
                     migration.name, Migrations().size()));
    for (int attempt = 1;; ++attempt) {
      const Failure failure = Try<pqxx::work>([&](auto& session) {
        // Many statements in one text: they take no parameters.
        session.exec(migration.sql);
        session.exec_params(kRecord, migration.version, migration.name);
        if (migration.min_reader < migration.version) {
          session.exec_params(kRecordReader, migration.version, migration.min_reader);
        }
      });
      // Another dmgrd may be at work, and two may lock each other out.
      const bool again = failure.transient && !failure.broken && attempt < kAttempts;
      if (Metadata(failure.status, "sqlstate") == kOperationsActive) {
        return Error(absl::StatusCode::kFailedPrecondition, "OPERATIONS_ACTIVE", "{}",
                     Message(failure.status))
            .Remedy(
                "start the dmgrd from before, let them end there (resume those that have "
                "failed, roll them back, or abandon them), then start this one");
      }
      if (failure.status.ok() || !again) return failure.status;
    }
  }

  Connection& connection_;
  const std::string& database_;
  const Database::MigrationProgress& on_progress_;
  const int newest_;
  bool is_new_ = false;  // There is nothing yet that could take its time.
};

}  // namespace

absl::StatusOr<int> CheckSchema(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result there, Run(tx, kHasSchema, {}));
  if (!there[0]["has_schema"].as<bool>()) return 0;
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kSchemaVersion, {}));
  const int version = rows[0]["v"].as<int>();
  if (version <= Known()) return version;
  ASSIGN_OR_RETURN(const pqxx::result least, Run(tx, kLeastKnown, {Known()}));
  RETURN_IF_ERROR(CheckNewer(tx.impl().database, version, least[0]["v"].as<int>()));
  return version;
}

absl::Status ApplyMigrations(Connection& connection, const std::string& database,
                             const Database::MigrationProgress& on_progress) {
  return Migrator(&connection, database, on_progress, Known()).Run();
}

absl::Status MigrateTo(const std::string& dsn, int version) {
  ASSIGN_OR_RETURN(const Target target, ParseDsn({.dsn = dsn}));
  try {
    Connection connection(target.conninfo);
    const Database::MigrationProgress nobody_is_told;
    return Migrator(&connection, target.name, nobody_is_told, version).Run();
  } catch (const std::exception& e) {
    return Unavailable(target.name, Printable(e.what()));
  }
}

}  // namespace dmgr::store

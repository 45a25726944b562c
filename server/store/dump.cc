#include "server/store/dump.h"

#include <charconv>
#include <set>
#include <utility>

#include "common/error.h"
#include "server/store/migrations.h"
#include "server/store/pg.h"
#include "server/store/plain_connection.h"

namespace dmgr::store {
namespace {

constexpr char kBegin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr char kHasSchema[] = "SELECT to_regclass('schema_migration') IS NOT NULL";
constexpr char kVersion[] = "SELECT coalesce(max(version), 0) FROM schema_migration";
// Whatever else is in the schema is not dmgr's.
constexpr char kTables[] =
    "SELECT relname FROM pg_class WHERE relkind = 'r'"
    " AND relnamespace = current_schema()::regnamespace"
    " AND pg_has_role(relowner, 'USAGE') AND relname <> 'schema_migration' ORDER BY relname";
// Those that the server makes itself cannot be given to it.
constexpr char kColumns[] =
    "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1"
    " AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum";
constexpr char kReferences[] =
    "SELECT f.relname, t.relname FROM pg_constraint k JOIN pg_class f ON f.oid = k.conrelid"
    " JOIN pg_class t ON t.oid = k.confrelid WHERE k.contype = 'f' AND f.oid <> t.oid"
    " AND f.relnamespace = current_schema()::regnamespace";
constexpr char kClusters[] =
    "SELECT cluster_name, cluster_uuid, cluster_path FROM cluster_meta ORDER BY cluster_name";
constexpr char kHasKey[] = "SELECT to_regclass('seal_key') IS NOT NULL";
constexpr char kKeyId[] = "SELECT key_id FROM seal_key";
constexpr char kEpoch[] =
    "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM operation_epoch";
constexpr char kSequences[] =
    "SELECT sequencename, last_value FROM pg_sequences"
    " WHERE schemaname = current_schema() AND last_value IS NOT NULL ORDER BY sequencename";
constexpr char kSetSequence[] = "SELECT setval(quote_ident($1)::regclass, $2::bigint)";
constexpr char kSettle[] = "SET CONSTRAINTS ALL IMMEDIATE";
constexpr std::size_t kPiece = std::size_t{1} << 20;

std::int64_t NumberOf(const std::string& text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

absl::StatusOr<std::string> OneOf(const PlainConnection& connection, const char* sql) {
  ASSIGN_OR_RETURN(const auto rows, connection.Query(sql));
  return rows.empty() ? std::string() : rows[0][0];
}

absl::StatusOr<int> VersionOf(const PlainConnection& connection) {
  ASSIGN_OR_RETURN(const std::string is_there, OneOf(connection, kHasSchema));
  if (is_there != "t") return 0;
  ASSIGN_OR_RETURN(const std::string version, OneOf(connection, kVersion));
  return static_cast<int>(NumberOf(version));
}

absl::Status CheckVersion(int version, const char* of) {
  const int known = static_cast<int>(Migrations().size());
  if (version <= known) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_NEW",
               "{} has the schema's version {}, this dmgrd knows {}", of, version, known)
      .Remedy("take the dmgrd that made it, or a newer one");
}

// As a dmgrd that goes on with a newer schema in the midst of an upgrade.
absl::Status CheckMayRead(const PlainConnection& connection, int version) {
  const std::string known = std::to_string(Migrations().size());
  if (version <= NumberOf(known)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto least, connection.Query(kLeastKnown, {known}));
  if (NumberOf(least[0][0]) <= NumberOf(known)) return absl::OkStatus();
  return CheckVersion(version, "the database");
}

absl::StatusOr<std::vector<std::string>> TableNames(const PlainConnection& connection) {
  ASSIGN_OR_RETURN(const auto rows, connection.Query(kTables));
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row[0]);
  return names;
}

// Each after those that it refers to.
absl::StatusOr<std::vector<std::string>> InOrder(const PlainConnection& connection) {
  ASSIGN_OR_RETURN(std::vector<std::string> left, TableNames(connection));
  ASSIGN_OR_RETURN(const auto references, connection.Query(kReferences));
  std::vector<std::string> ordered;
  std::set<std::string> waiting(left.begin(), left.end());
  while (!left.empty()) {
    std::vector<std::string> next;
    for (const std::string& table : left) {
      bool is_free = true;
      for (const auto& one : references) {
        is_free = is_free && (one[0] != table || !waiting.contains(one[1]));
      }
      (is_free ? ordered : next).push_back(table);
    }
    if (next.size() == left.size()) return absl::InternalError("tables refer to each other");
    left = std::move(next);
    waiting = {left.begin(), left.end()};
  }
  return ordered;
}

// Names stand for names only, each quoted by libpq; values are parameters, or rows of COPY.
absl::StatusOr<std::string> CopyStatement(const PlainConnection& connection, const DumpTable& table,
                                          const char* direction) {
  ASSIGN_OR_RETURN(const std::string name, connection.Quoted(table.name));
  std::vector<std::string> columns;
  for (const std::string& column : table.columns) {
    ASSIGN_OR_RETURN(columns.emplace_back(), connection.Quoted(column));
  }
  return fmt::format("COPY {} ({}) {}", name, fmt::join(columns, ", "), direction);
}

absl::StatusOr<DumpHead> HeadOf(const PlainConnection& connection) {
  DumpHead head;
  ASSIGN_OR_RETURN(head.schema_version, VersionOf(connection));
  if (head.schema_version == 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_EMPTY",
                 "the database has no tables of dmgr: there is nothing to back up")
        .Remedy("see whether [database] dsn and [paths] data_dir are those of the dmgrd");
  }
  RETURN_IF_ERROR(CheckMayRead(connection, head.schema_version));
  ASSIGN_OR_RETURN(const auto tables, InOrder(connection));
  for (const std::string& table : tables) {
    ASSIGN_OR_RETURN(const auto columns, connection.Query(kColumns, {table}));
    DumpTable& added = head.tables.emplace_back();
    added.name = table;
    for (const auto& column : columns) added.columns.push_back(column[0]);
  }
  ASSIGN_OR_RETURN(const std::string has_key, OneOf(connection, kHasKey));
  if (has_key == "t") {
    ASSIGN_OR_RETURN(head.key_id, OneOf(connection, kKeyId));
  }
  ASSIGN_OR_RETURN(const std::string epoch, OneOf(connection, kEpoch));
  head.epoch = NumberOf(epoch);
  ASSIGN_OR_RETURN(const auto clusters, connection.Query(kClusters));
  for (const auto& row : clusters) {
    head.clusters.push_back({.name = row[0], .uuid = row[1], .cluster_path = row[2]});
  }
  return head;
}

absl::Status NotEmpty(const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_NOT_EMPTY",
               "a backup goes into an empty database only: {}", why)
      .Remedy("give it a new one: another [paths] data_dir, or another database in [database] dsn");
}

absl::Status CheckEmpty(const PlainConnection& connection) {
  ASSIGN_OR_RETURN(const auto tables, TableNames(connection));
  for (const std::string& table : tables) {
    ASSIGN_OR_RETURN(const std::string name, connection.Quoted(table));
    ASSIGN_OR_RETURN(const auto rows, connection.Query("SELECT 1 FROM " + name + " LIMIT 1"));
    if (!rows.empty()) return NotEmpty("the table " + table + " has rows");
  }
  return absl::OkStatus();
}

}  // namespace

struct Dump::Impl {
  PlainConnection connection;
  DumpHead head;
};

Dump::Dump(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Dump::~Dump() = default;

const DumpHead& Dump::head() const { return impl_->head; }

absl::StatusOr<std::unique_ptr<Dump>> Dump::Begin(const std::string& dsn) {
  ASSIGN_OR_RETURN(PlainConnection connection, PlainConnection::Open(dsn));
  RETURN_IF_ERROR(connection.Run(kBegin));
  ASSIGN_OR_RETURN(DumpHead head, HeadOf(connection));
  return std::unique_ptr<Dump>(
      new Dump(std::make_unique<Impl>(Impl{std::move(connection), std::move(head)})));
}

absl::StatusOr<std::int64_t> Dump::Read(const DumpTable& table, const Sink& sink) {
  const PlainConnection& connection = impl_->connection;
  ASSIGN_OR_RETURN(const std::string copy, CopyStatement(connection, table, "TO STDOUT"));
  RETURN_IF_ERROR(connection.Run(copy));
  std::string piece;
  std::int64_t count = 0;
  while (true) {
    char* row = nullptr;
    const int size = PQgetCopyData(connection.get(), &row, /*async=*/0);
    const std::unique_ptr<char, void (*)(void*)> owned(row, PQfreemem);
    if (size == -2) return connection.Fail("rows cannot be read");
    if (size > 0) {
      piece.append(row, static_cast<std::size_t>(size));
      ++count;
    }
    if (piece.size() >= kPiece || (size < 0 && !piece.empty())) {
      RETURN_IF_ERROR(sink(piece));
      piece.clear();
    }
    if (size < 0) break;
  }
  const PlainConnection::Result end(PQgetResult(connection.get()), PQclear);
  if (PQresultStatus(end.get()) != PGRES_COMMAND_OK) return connection.Fail("rows are cut off");
  // A session is free for the next statement once it has nothing more to say.
  const PlainConnection::Result none(PQgetResult(connection.get()), PQclear);
  return count;
}

absl::StatusOr<std::vector<DumpSequence>> Dump::Sequences() {
  ASSIGN_OR_RETURN(const auto rows, impl_->connection.Query(kSequences));
  std::vector<DumpSequence> sequences;
  for (const auto& row : rows)
    sequences.push_back({.name = row[0], .last_value = NumberOf(row[1])});
  return sequences;
}

struct DumpLoad::Impl {
  PlainConnection connection;
  // Of all tables, quoted.
  std::vector<std::string> tables;

  absl::Status ForEachTable(const char* what, const char* how) const {
    for (const std::string& table : tables) {
      RETURN_IF_ERROR(connection.Run(fmt::format("{} {} {}", what, table, how)));
    }
    return absl::OkStatus();
  }
};

DumpLoad::DumpLoad(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DumpLoad::~DumpLoad() = default;

absl::StatusOr<std::unique_ptr<DumpLoad>> DumpLoad::Begin(const std::string& dsn,
                                                          const DumpHead& head) {
  RETURN_IF_ERROR(CheckVersion(head.schema_version, "the backup"));
  ASSIGN_OR_RETURN(PlainConnection connection, PlainConnection::Open(dsn));
  ASSIGN_OR_RETURN(const int version, VersionOf(connection));
  if (version > head.schema_version) {
    return NotEmpty(fmt::format("its tables are of version {}, those of the backup of version {}",
                                version, head.schema_version));
  }
  RETURN_IF_ERROR(CheckEmpty(connection));
  RETURN_IF_ERROR(MigrateTo(dsn, head.schema_version));
  RETURN_IF_ERROR(connection.Run("BEGIN"));
  auto impl = std::make_unique<Impl>(Impl{std::move(connection), {}});
  ASSIGN_OR_RETURN(const auto names, TableNames(impl->connection));
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(impl->tables.emplace_back(), impl->connection.Quoted(name));
  }
  // What they would do was done when the rows were made. References are looked at all the same.
  RETURN_IF_ERROR(impl->ForEachTable("ALTER TABLE", "DISABLE TRIGGER USER"));
  return std::unique_ptr<DumpLoad>(new DumpLoad(std::move(impl)));
}

absl::Status DumpLoad::BeginTable(const DumpTable& table) {
  ASSIGN_OR_RETURN(const std::string copy, CopyStatement(impl_->connection, table, "FROM STDIN"));
  return impl_->connection.Run(copy);
}

absl::Status DumpLoad::Add(std::string_view rows) {
  const int sent =
      PQputCopyData(impl_->connection.get(), rows.data(), static_cast<int>(rows.size()));
  return sent == 1 ? absl::OkStatus() : impl_->connection.Fail("rows cannot be written");
}

absl::Status DumpLoad::EndTable() {
  PGconn* connection = impl_->connection.get();
  if (PQputCopyEnd(connection, nullptr) != 1) {
    return impl_->connection.Fail("rows cannot be written");
  }
  const PlainConnection::Result end(PQgetResult(connection), PQclear);
  if (PQresultStatus(end.get()) != PGRES_COMMAND_OK) {
    return impl_->connection.Fail("the database takes no such rows");
  }
  const PlainConnection::Result none(PQgetResult(connection), PQclear);
  return absl::OkStatus();
}

absl::Status DumpLoad::Commit(const std::vector<DumpSequence>& sequences) {
  for (const DumpSequence& sequence : sequences) {
    RETURN_IF_ERROR(
        impl_->connection.Query(kSetSequence, {sequence.name, std::to_string(sequence.last_value)})
            .status());
  }
  // A table with references that are not looked at yet cannot be altered.
  RETURN_IF_ERROR(impl_->connection.Run(kSettle));
  RETURN_IF_ERROR(impl_->ForEachTable("ALTER TABLE", "ENABLE TRIGGER USER"));
  return impl_->connection.Run("COMMIT");
}

}  // namespace dmgr::store

// What the files of this room share: statements with parameters, values of rows, and the way from
// libpqxx's exceptions to statuses. Included by no other room.
#ifndef DMGR_SERVER_STORE_PG_H_
#define DMGR_SERVER_STORE_PG_H_

#include <google/protobuf/map.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/error.h"
#include "server/store/database.h"

namespace dmgr::store {

// What went wrong with a statement or a connection.
struct Failure {
  absl::Status status;
  // The connection cannot be used again.
  bool broken = false;
  // The whole transaction may succeed when it is run again.
  bool transient = false;
};

// A connection that prints nothing.
struct Connection {
  explicit Connection(const std::string& conninfo) : pq(conninfo), quiet(pq) {}
  // The name of a statement, prepared when it comes first: to plan each anew took most of the
  // server's time.
  const std::string& Prepared(const char* sql);

  pqxx::connection pq;
  pqxx::quiet_errorhandler quiet;

 private:
  std::unordered_map<std::string, std::string> prepared_;
};

struct Transaction::Impl {
  Connection* connection = nullptr;
  pqxx::transaction_base* work = nullptr;
  std::string database;  // Its name for messages.
  // Of the first statement that failed: nothing after it can be committed.
  std::optional<Failure> failure;
};

// The failure that the exception being handled stands for; connection_open: as libpqxx says.
// database: its name for messages. Call from a catch block only.
Failure CurrentFailure(std::string_view database, bool connection_open);
absl::Status Unavailable(std::string_view database, std::string_view detail);

// A statement's parameter.
class Param {
 public:
  Param(std::nullptr_t) {}                        // NOLINT(google-explicit-constructor)
  Param(bool v) : text_(v ? "true" : "false") {}  // NOLINT(google-explicit-constructor)
  Param(double v) : text_(pqxx::to_string(v)) {}  // NOLINT(google-explicit-constructor)
  Param(std::string v) : text_(std::move(v)) {}   // NOLINT(google-explicit-constructor)
  Param(std::string_view v) : text_(v) {}         // NOLINT(google-explicit-constructor)
  Param(const char* v) : text_(v) {}              // NOLINT(google-explicit-constructor)
  template <std::integral T>
  Param(T v) : text_(std::to_string(v)) {}  // NOLINT(google-explicit-constructor)

  // NULL when empty.
  static Param OrNull(const std::string& text);
  // An array of texts as JSON; NULL when there is none.
  static Param JsonOrNull(const std::optional<std::set<std::string>>& texts);
  // For a bytea.
  static Param Bytes(std::string_view bytes);
  // NULL when OK, else google.rpc.Status for a bytea.
  static Param ErrorBytes(const absl::Status& status);

  const std::optional<std::string>& text() const { return text_; }

 private:
  std::optional<std::string> text_;
};

// Runs one statement. A failure is kept in the transaction, which then cannot commit.
absl::StatusOr<pqxx::result> Run(Transaction& tx, const char* sql,
                                 const std::vector<Param>& params);

// Microseconds since 1970, the form in which times travel in both directions.
std::int64_t ToMicros(absl::Time time);
// Of a bound that may be unset: NULL then.
Param MicrosOrNull(bool is_set, const google::protobuf::Timestamp& time);
// In a select list; in SQL that has a parameter $n of microseconds: DMGR_TIME("$3").
#define DMGR_MICROS(column) "(extract(epoch FROM " column ") * 1000000)::bigint"
#define DMGR_TIME(micros) "(timestamptz 'epoch' + " micros "::bigint * interval '1 microsecond')"

std::string Text(const pqxx::field& field);
std::string Bytes(const pqxx::field& field);
// Of DMGR_MICROS; InfinitePast when NULL.
absl::Time Time(const pqxx::field& field);
// Leaves it unset when NULL.
template <typename M>
void SetTime(const pqxx::field& field, M* message,
             google::protobuf::Timestamp* (M::*mutable_time)()) {
  if (field.is_null()) return;
  const auto micros = field.as<std::int64_t>();
  google::protobuf::Timestamp* time = (message->*mutable_time)();
  time->set_seconds(micros / 1000000);
  time->set_nanos(static_cast<std::int32_t>(micros % 1000000) * 1000);
}
// Leaves it unset when NULL or not a google.rpc.Status.
bool ParseError(const pqxx::field& field, google::rpc::Status* error);

// Text that PostgreSQL and protobuf accept: bytes that are not UTF-8, and NUL, become "?". For what
// comes from hosts; names and keys are refused instead.
std::string Printable(std::string_view text);
absl::Status Printable(const absl::Status& status);

// A map of texts as a JSON object, and back.
using TextMap = google::protobuf::Map<std::string, std::string>;
std::string MapJson(const TextMap& map);
void ReadMap(const pqxx::field& field, TextMap* map);

// Protobuf JSON.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message, std::string_view what);
absl::Status FromJson(const std::string& json, google::protobuf::Message* message,
                      std::string_view what);

// A libpq connection string, taken apart and completed.
struct Target {
  std::string conninfo;
  // "db.example.com:5432/dmgr": for messages; without user and password.
  std::string name;
};
// A value for a connection string.
std::string QuoteConninfo(std::string_view value);
absl::StatusOr<Target> ParseDsn(const DatabaseOptions& options);
// What the connection string says, by libpq's keywords. INVALID_ARGUMENT, DSN_INVALID.
absl::StatusOr<std::map<std::string, std::string>> ValuesOf(const std::string& dsn);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_PG_H_

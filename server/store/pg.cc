#include "server/store/pg.h"

#include <google/protobuf/util/json_util.h>
#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "common/ids.h"
#include "common/secrets_in_text.h"
#include "common/utf8.h"

namespace dmgr::store {
namespace {

using absl::StatusCode;

constexpr std::string_view kDatabaseRemedy =
    "see that PostgreSQL runs and answers at [database] dsn; dmgrd goes on by itself when it does";
constexpr std::string_view kBroken = "the connection broke";

// A prepared statement selects more or fewer columns than when it was prepared.
constexpr std::string_view kStalePlan = "0A000";

// "duplicate key value violates unique constraint \"x\"" of "ERROR:  duplicate ...\nDETAIL: ...".
// The detail is kept only where it can hold no secret.
std::string FirstLine(std::string_view text, bool with_detail) {
  if (text.substr(0, 7) == "ERROR: ") text.remove_prefix(7);
  if (text.substr(0, 7) == "FATAL: ") text.remove_prefix(7);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::string line(text.substr(0, text.find('\n')));
  if (with_detail) {
    constexpr std::string_view kDetail = "\nDETAIL:  ";
    if (const auto at = text.find(kDetail); at != std::string_view::npos) {
      const std::string_view detail = text.substr(at + kDetail.size());
      line += fmt::format(" ({})", detail.substr(0, detail.find('\n')));
    }
  }
  return Printable(line);
}

Failure Refused(std::string_view database, StatusCode code, std::string_view reason,
                const pqxx::sql_error& e, bool with_detail, std::string_view remedy) {
  Failure failure;
  failure.status =
      Error(code, reason, "database {}: {}", database, FirstLine(e.what(), with_detail))
          .With("sqlstate", e.sqlstate())
          .Remedy(remedy);
  return failure;
}

Failure FromSqlState(std::string_view database, const pqxx::sql_error& e) {
  const std::string& state = e.sqlstate();
  const std::string group = state.substr(0, 2);
  // The server is going down, starting, or has become a read-only standby; or a newer dmgrd has
  // changed the schema. A new connection helps.
  if (group == "08" || state == kStalePlan || group == "57" || group == "28" || state == "25006") {
    const bool timeout = state == "57014";
    return {Unavailable(database, FirstLine(e.what(), false)), !timeout, false};
  }
  if (state == "23505") {
    return Refused(database, StatusCode::kAlreadyExists, "ALREADY_EXISTS", e, true,
                   "choose another name, or use what is there");
  }
  if (state == "23503") {
    return Refused(database, StatusCode::kFailedPrecondition, "REFERENCE_VIOLATED", e, true,
                   "something that this depends on was removed or is in use: look and repeat");
  }
  if (group == "23") {
    return Refused(database, StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED", e, false,
                   "the value is none that the record may have: report this as a bug of dmgr");
  }
  if (group == "22") {
    return Refused(database, StatusCode::kInvalidArgument, "INVALID_VALUE", e, false,
                   "use text in UTF-8 without NUL characters, and numbers in range");
  }
  if (group == "53") {
    return Refused(database, StatusCode::kResourceExhausted, "DATABASE_FULL", e, false,
                   "give the database server the disk space, memory or connections it asks for");
  }
  return Refused(database, StatusCode::kInternal, "DATABASE_ERROR", e, false,
                 "see the log of the database server");
}

Failure ConcurrentChange(std::string_view database, const char* what) {
  const absl::Status status = Error(StatusCode::kAborted, "CONCURRENT_CHANGE", "database {}: {}",
                                    database, FirstLine(what, false))
                                  .Remedy("repeat the call");
  return {status, false, true};
}

}  // namespace

absl::Status Unavailable(std::string_view database, std::string_view detail) {
  return Error(StatusCode::kUnavailable, "DATABASE_UNAVAILABLE", "database {}: {}", database,
               detail)
      .With("database", database)
      .Remedy(kDatabaseRemedy);
}

Failure CurrentFailure(std::string_view database, bool connection_open) {
  try {
    throw;
  } catch (const pqxx::in_doubt_error&) {
    return {
        Error(StatusCode::kUnavailable, "COMMIT_IN_DOUBT",
              "database {}: the connection broke while the change was being committed", database)
            .Remedy("look whether the change was made; a repeat with the same request id is "
                    "safe"),
        true, false};
  } catch (const pqxx::sql_error& e) {
    Failure failure = FromSqlState(database, e);
    if (!connection_open) failure = {Unavailable(database, kBroken), true};
    failure.transient = failure.broken;
    return failure;
  } catch (const pqxx::serialization_failure& e) {
    return ConcurrentChange(database, e.what());
  } catch (const pqxx::deadlock_detected& e) {
    return ConcurrentChange(database, e.what());
  } catch (const std::exception& e) {
    if (!connection_open || dynamic_cast<const pqxx::broken_connection*>(&e) != nullptr) {
      return {Unavailable(database, kBroken), true, true};
    }
    return {Error(StatusCode::kInternal, "DATABASE_ERROR", "database {}: {}", database,
                  FirstLine(e.what(), false))
                .Remedy("report this as a bug of dmgr"),
            true, false};
  }
}

const std::string& Connection::Prepared(const char* sql) {
  auto place = prepared_.find(sql);
  if (place == prepared_.end()) {
    const std::string name = fmt::format("s{}", prepared_.size());
    pq.prepare(name, sql);
    place = prepared_.emplace(sql, name).first;
  }
  return place->second;
}

Param Param::OrNull(const std::string& text) { return text.empty() ? Param(nullptr) : Param(text); }

Param Param::JsonOrNull(const std::optional<std::set<std::string>>& texts) {
  return texts.has_value() ? Param(nlohmann::json(*texts).dump()) : Param(nullptr);
}

Param Param::Bytes(std::string_view bytes) { return Param("\\x" + HexEncode(bytes)); }

Param Param::ErrorBytes(const absl::Status& status) {
  if (status.ok()) return nullptr;
  return Bytes(ToProto(Printable(status)).SerializeAsString());
}

absl::StatusOr<pqxx::result> Run(Transaction& tx, const char* sql,
                                 const std::vector<Param>& params) {
  Transaction::Impl& impl = tx.impl();
  if (impl.failure.has_value()) return impl.failure->status;
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const Param& param : params) {
    const auto& text = param.text();
    if (text.has_value() && text->find('\0') != std::string::npos) {
      // libpq would cut it there.
      return Error(StatusCode::kInvalidArgument, "INVALID_VALUE", "a text has a NUL character")
          .Remedy("use text in UTF-8 without NUL characters");
    }
    values.push_back(text.has_value() ? text->c_str() : nullptr);
  }
  try {
    return impl.work->exec_prepared(impl.connection->Prepared(sql),
                                    pqxx::prepare::make_dynamic_params(values));
  } catch (...) {
    impl.failure = CurrentFailure(impl.database, impl.work->conn().is_open());
    return impl.failure->status;
  }
}

std::int64_t ToMicros(absl::Time time) { return absl::ToUnixMicros(time); }

std::string Text(const pqxx::field& field) { return {field.c_str(), field.size()}; }

std::string Bytes(const pqxx::field& field) {
  return field.is_null() ? std::string() : pqxx::binarystring(field).str();
}

Param MicrosOrNull(bool is_set, const google::protobuf::Timestamp& time) {
  if (!is_set) return nullptr;
  return time.seconds() * 1000000 + time.nanos() / 1000;
}

absl::Time Time(const pqxx::field& field) {
  return field.is_null() ? absl::InfinitePast() : absl::FromUnixMicros(field.as<std::int64_t>());
}

bool ParseError(const pqxx::field& field, google::rpc::Status* error) {
  return !field.is_null() && error->ParseFromString(Bytes(field));
}

std::string Printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    // PostgreSQL takes no NUL.
    const std::size_t length = text[0] == '\0' ? 0 : Utf8Length(text);
    clean += length == 0 ? "?" : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

absl::Status Printable(const absl::Status& status) {
  // Programs' last lines are in it, and every viewer reads it.
  absl::Status clean(status.code(), ToAbsl(Printable(WithoutSecrets(Message(status)))));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { clean.SetPayload(url, payload); });
  return clean;
}

std::string MapJson(const TextMap& map) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [key, value] : map) object[Printable(key)] = Printable(value);
  return object.dump();
}

void ReadMap(const pqxx::field& field, TextMap* map) {
  const nlohmann::json object = nlohmann::json::parse(Text(field));
  for (const auto& [key, value] : object.items()) {
    (*map)[key] = value.get<std::string>();
  }
}

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message,
                                   std::string_view what) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return Error(StatusCode::kInvalidArgument, "INVALID_VALUE", "{} cannot be stored as JSON: {}",
                 what, std::string(status.message()))
        .Remedy("use only text, numbers that are finite, lists and maps");
  }
  return json;
}

absl::Status FromJson(const std::string& json, google::protobuf::Message* message,
                      std::string_view what) {
  google::protobuf::util::JsonParseOptions options;
  // A newer version may have added fields.
  options.ignore_unknown_fields = true;
  const auto status = google::protobuf::util::JsonStringToMessage(json, message, options);
  if (status.ok()) return absl::OkStatus();
  return Error(StatusCode::kDataLoss, "STORED_JSON_INVALID", "the stored {} is not readable: {}",
               what, std::string(status.message()))
      .Remedy("restore the row from a backup");
}

std::string QuoteConninfo(std::string_view value) {
  std::string quoted = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

absl::StatusOr<std::map<std::string, std::string>> ValuesOf(const std::string& dsn) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(dsn.c_str(), &message), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> message_owner(message, &PQfreemem);
  if (parsed == nullptr) {
    // libpq's message may quote a part of the string, and so a password.
    return Error(StatusCode::kInvalidArgument, "DSN_INVALID", "[database] dsn cannot be read")
        .Remedy("write it as postgresql://user@host:5432/dmgr, or as host=... dbname=... user=...");
  }
  std::map<std::string, std::string> values;
  for (const PQconninfoOption* o = parsed.get(); o->keyword != nullptr; ++o) {
    if (o->val != nullptr && *o->val != '\0') values[o->keyword] = o->val;
  }
  return values;
}

absl::StatusOr<Target> ParseDsn(const DatabaseOptions& options) {
  ASSIGN_OR_RETURN(auto values, ValuesOf(options.dsn));
  const auto milliseconds = absl::ToInt64Milliseconds(options.statement_timeout);
  // A transaction left open by a stopped dmgrd would keep others from taking its operations over.
  values["options"] += fmt::format(
      " -c statement_timeout={0} -c idle_in_transaction_session_timeout={0}"
      " -c default_transaction_isolation=read\\ committed -c timezone=UTC"
      // All look rows up by their keys: planning them anew for their values is lost time.
      " -c plan_cache_mode=force_generic_plan",
      milliseconds);
  values.emplace("connect_timeout", std::to_string(absl::ToInt64Seconds(options.connect_timeout)));
  values.emplace("application_name", "dmgrd");
  values.emplace("keepalives_idle", "5");
  values.emplace("keepalives_interval", "3");
  values.emplace("keepalives_count", "3");
  values.emplace("tcp_user_timeout", std::to_string(milliseconds));
  values["client_encoding"] = "UTF8";

  Target target;
  for (const auto& [key, value] : values) {
    target.conninfo += fmt::format("{}={} ", key, QuoteConninfo(value));
  }
  const auto value_or = [&](const char* key, const char* fallback) {
    const auto it = values.find(key);
    return it == values.end() ? std::string(fallback) : it->second;
  };
  target.name = fmt::format("{}:{}/{}", value_or("host", "local"), value_or("port", "5432"),
                            value_or("dbname", ""));
  return target;
}

}  // namespace dmgr::store

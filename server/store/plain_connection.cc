#include "server/store/plain_connection.h"

#include <utility>

#include "common/error.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

// Rows may be many; and what is written on one server is read on another.
constexpr char kSetUp[] =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
    " SET datestyle = 'ISO, MDY'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex';"
    " SET extra_float_digits = 1; SET standard_conforming_strings = on";

// PQerrorMessage has DETAIL and CONTEXT too, which hold values.
std::string FirstLineOf(const char* text) {
  const std::string_view all(text);
  return Printable(all.substr(0, all.find('\n')));
}

}  // namespace

absl::StatusOr<PlainConnection> PlainConnection::Open(const std::string& dsn) {
  ASSIGN_OR_RETURN(const Target target, ParseDsn({.dsn = dsn}));
  PlainConnection made(Connection(PQconnectdb(target.conninfo.c_str()), PQfinish), target.name);
  if (PQstatus(made.get()) != CONNECTION_OK) {
    return Unavailable(target.name, FirstLineOf(PQerrorMessage(made.get())));
  }
  // What a server has to say of a statement that it ran is nobody's business.
  PQsetNoticeProcessor(
      made.get(), [](void* /*unused*/, const char* /*text*/) {}, nullptr);
  RETURN_IF_ERROR(made.Run(kSetUp));
  return made;
}

absl::Status PlainConnection::Fail(const char* what) const {
  const std::string why = FirstLineOf(PQerrorMessage(get()));
  if (PQstatus(get()) != CONNECTION_OK) return Unavailable(name_, why);
  return Error(absl::StatusCode::kInternal, "DATABASE_ERROR", "database {}: {}: {}", name_, what,
               why)
      .Remedy("see the log of the database server");
}

absl::Status PlainConnection::Run(const std::string& sql) const {
  const Result result(PQexec(get(), sql.c_str()), PQclear);
  switch (PQresultStatus(result.get())) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
      return absl::OkStatus();
    default:
      return Fail("a statement failed");
  }
}

absl::StatusOr<PlainConnection::Rows> PlainConnection::Query(
    const std::string& sql, const std::vector<std::string>& parameters) const {
  std::vector<const char*> values;
  for (const std::string& one : parameters) values.push_back(one.c_str());
  const Result result(PQexecParams(get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                   values.data(), nullptr, nullptr, 0),
                      PQclear);
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return Fail("a question failed");
  Rows rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      rows[i].emplace_back(PQgetvalue(result.get(), static_cast<int>(i), column));
    }
  }
  return rows;
}

absl::StatusOr<std::string> PlainConnection::Quoted(const std::string& name) const {
  const std::unique_ptr<char, void (*)(void*)> quoted(
      PQescapeIdentifier(get(), name.data(), name.size()), PQfreemem);
  if (quoted == nullptr) return Fail("a name cannot be quoted");
  return std::string(quoted.get());
}

}  // namespace dmgr::store

// libpq without libpqxx, for COPY. Included by no other room.
#ifndef DMGR_SERVER_STORE_PLAIN_CONNECTION_H_
#define DMGR_SERVER_STORE_PLAIN_CONNECTION_H_

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dmgr::store {

// A session without time limits, whose texts mean the same on every server. For one thread.
class PlainConnection {
 public:
  using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;
  using Rows = std::vector<std::vector<std::string>>;

  static absl::StatusOr<PlainConnection> Open(const std::string& dsn);

  PGconn* get() const { return connection_.get(); }
  // Errors name the database, not the values of rows.
  absl::Status Fail(const char* what) const;
  // Without rows, or with those of COPY to come.
  absl::Status Run(const std::string& sql) const;
  // NULL is "".
  absl::StatusOr<Rows> Query(const std::string& sql,
                             const std::vector<std::string>& parameters = {}) const;
  // A name of the catalogue as it stands in a statement.
  absl::StatusOr<std::string> Quoted(const std::string& name) const;

 private:
  using Connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;
  PlainConnection(Connection connection, std::string name)
      : connection_(std::move(connection)), name_(std::move(name)) {}

  Connection connection_;
  // Of the database.
  std::string name_;
};

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_PLAIN_CONNECTION_H_

// Connections to the databases that are migrated, MySQL, MariaDB and TiDB. The server is not
// trusted: what it answers is bounded, shown without control characters, and gets no files.
#ifndef DMGR_SERVER_DATABASES_CONNECTION_H_
#define DMGR_SERVER_DATABASES_CONNECTION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/secret.h"

namespace dmgr::databases {

struct Account {
  std::string host;
  int port = 3306;
  std::string user;
  Secret password{};
  // PEM. With a CA the connection is TLS, and the server's certificate is checked by it.
  std::string ca{};
  std::string certificate{};
  Secret key{};
};

using Row = std::vector<std::string>;

// Not thread-safe.
class Connection {
 public:
  // UNAVAILABLE, DATABASE_UNREACHABLE, with what was tried; FAILED_PRECONDITION, DATABASE_LOGIN,
  // when the database does not let the account in; UNAVAILABLE, THREADS_EXHAUSTED. All ends at the
  // deadline, which counts SteadyNow(), or a moment later; so does looking up a name.
  static absl::StatusOr<Connection> Open(const Account& account, absl::Time deadline);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  // At most kMaxRows rows; values are cut at kMaxValue bytes, NULL is empty. FAILED_PRECONDITION,
  // DATABASE_REFUSED; UNAVAILABLE, DATABASE_UNREACHABLE.
  absl::StatusOr<std::vector<Row>> Ask(const std::string& statement);

 private:
  struct Handle;
  explicit Connection(std::unique_ptr<Handle> handle);
  // The library looks up names, for which it knows no deadline.
  static absl::StatusOr<Connection> OpenNow(const Account& account, absl::Time deadline);
  std::unique_ptr<Handle> handle_;
};

inline constexpr std::size_t kMaxRows = 1000;
inline constexpr std::size_t kMaxValue = 64 << 10;

}  // namespace dmgr::databases

#endif  // DMGR_SERVER_DATABASES_CONNECTION_H_

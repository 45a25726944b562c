// A real MariaDB, as a source or a target.
#ifndef DMGR_TESTS_MIGRATIONS_MARIADB_H_
#define DMGR_TESTS_MIGRATIONS_MARIADB_H_

#include <memory>
#include <string>
#include <vector>

#include "server/databases/connection.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {

// Debian's mariadbd with new data on a free port of 127.0.0.1, until it goes. One thread.
class Mariadb {
 public:
  // options: of mariadbd, such as "--log-bin". statements: run before it listens, a line each.
  Mariadb(const std::vector<std::string>& options, const std::vector<std::string>& statements);

  databases::Account AccountOf(const std::string& user, const std::string& password) const;

 private:
  test::TempDir dir_;
  int port_ = 0;
  std::unique_ptr<Child> process_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_MIGRATIONS_MARIADB_H_

// A real PostgreSQL for tests: one private server per test program, a new database per test.
#ifndef DMGR_TESTS_SUPPORT_POSTGRES_H_
#define DMGR_TESTS_SUPPORT_POSTGRES_H_

#include <memory>
#include <string>

#include "server/store/database.h"

namespace dmgr::test {

// An empty database of the program's server, dropped at the end. The first one starts the server,
// which ends with the program, also when that is killed. Throws when PostgreSQL does not start.
class TestDsn {
 public:
  TestDsn();
  ~TestDsn();
  TestDsn(const TestDsn&) = delete;
  TestDsn& operator=(const TestDsn&) = delete;
  const std::string& dsn() const { return dsn_; }

 private:
  std::string name_;
  std::string dsn_;
};

// The same, opened and migrated.
class TestDatabase {
 public:
  explicit TestDatabase(int pool_size = 16);
  store::Database& operator*() { return *database_; }
  store::Database* operator->() { return database_.get(); }
  const std::string& dsn() const { return dsn_.dsn(); }

 private:
  TestDsn dsn_;
  std::unique_ptr<store::Database> database_;
};

// Runs statements without parameters outside of a transaction, as an onlooker; the first column of
// the first row, or "". Throws when they fail.
std::string Sql(const std::string& dsn, const std::string& statements);

}  // namespace dmgr::test

#endif  // DMGR_TESTS_SUPPORT_POSTGRES_H_

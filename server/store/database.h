// PostgreSQL: the single source of truth. No type of libpqxx leaves this room; its exceptions end
// here and become statuses: UNAVAILABLE when the database cannot be reached (with a remedy),
// ABORTED after serialization failures, ALREADY_EXISTS and FAILED_PRECONDITION for violated
// constraints, INVALID_ARGUMENT for values that it cannot keep (text that is not UTF-8, or has a
// NUL), RESOURCE_EXHAUSTED when its disk is full, INTERNAL else.
#ifndef DMGR_SERVER_STORE_DATABASE_H_
#define DMGR_SERVER_STORE_DATABASE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace dmgr::store {

// An open transaction; what the repositories of this room take. Not thread-safe; valid only inside
// the function given to Database::Transact.
class Transaction {
 public:
  struct Impl;
  explicit Transaction(Impl* impl) : impl_(impl) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Impl& impl() { return *impl_; }

 private:
  Impl* impl_;
};

struct DatabaseOptions {
  // libpq connection string.
  std::string dsn;
  // At most so many connections; a caller waits for a free one.
  int pool_size = 16;
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration statement_timeout = absl::Seconds(15);
};

// A pool of connections. Thread-safe. A broken connection is replaced at the next use.
class Database {
 public:
  // Connects once to see that it works.
  static absl::StatusOr<std::unique_ptr<Database>> Open(DatabaseOptions options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs work in one READ COMMITTED transaction and commits when it returns OK, else rolls back
  // and returns its status. A statement that failed makes the transaction fail, whatever work
  // returns. Run again from the start, three times at most in all, on a serialization failure, a
  // deadlock, or a connection that broke before the commit; work must therefore have no effects of
  // its own. UNAVAILABLE with reason COMMIT_IN_DOUBT when the connection broke within the commit.
  absl::Status Transact(const std::function<absl::Status(Transaction&)>& work);
  // The same for work that only reads, without the messages of a transaction: each statement sees
  // its own snapshot in a READ COMMITTED one as well.
  absl::Status Read(const std::function<absl::Status(Transaction&)>& work);

  // What is being done, in words: called before each migration, and every few seconds while another
  // dmgrd is at it.
  using MigrationProgress = std::function<void(const std::string&)>;
  // Brings the schema to this build's version, one dmgrd at a time. Each migration is committed by
  // itself: what was cut off goes on with the next one. FAILED_PRECONDITION when the schema is
  // newer than this build.
  absl::Status Migrate(const MigrationProgress& on_progress = nullptr);

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether nobody on the way to the server can read or change what goes over it: a unix socket,
// loopback, or sslmode=verify-full. FAILED_PRECONDITION, DSN_UNSAFE, else; INVALID_ARGUMENT,
// DSN_INVALID.
absl::Status CheckTransport(const std::string& dsn);
// Whether the connection string holds a password itself.
bool HoldsPassword(const std::string& dsn);

// For Database::Read: OK when the database answers.
absl::Status Ping(Transaction& tx);

// For Database::Read. The version of the schema that is there, 0 when there is none yet.
// FAILED_PRECONDITION (SCHEMA_TOO_NEW) when this build does not know it. Changes nothing.
absl::StatusOr<int> CheckSchema(Transaction& tx);

// Receives NOTIFY payloads of one channel on a connection of its own, which it opens again when it
// breaks. After a reconnect, and every fallback_period, on_wake is called without a payload: then
// anything may have changed.
class Listener {
 public:
  // present_as: a name, for as long as the connection lasts, that IsAbsent asks for; "": none.
  Listener(std::string dsn, std::string channel, absl::Duration fallback_period,
           std::function<void(const std::string& payload)> on_wake, std::string present_as = {});
  // Ends the thread; on_wake is not called after that.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // For how long the present connection has held the name; nullopt while none does. Thread-safe.
  std::optional<absl::Duration> PresentFor() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether no session is there as `name`; if so, none can be until the transaction ends. A process
// that ends, however it does, is absent as soon as the server has seen that; one that is paused
// stays present.
absl::StatusOr<bool> IsAbsent(Transaction& tx, const std::string& name);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_DATABASE_H_

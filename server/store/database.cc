#include "server/store/database.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "server/store/migrations.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr int kMinServerVersion = 120000;
constexpr int kAttempts = 3;

absl::StatusOr<std::unique_ptr<Connection>> Connect(const Target& target) {
  std::unique_ptr<Connection> connection;
  try {
    connection = std::make_unique<Connection>(target.conninfo);
  } catch (const std::exception& e) {
    return Unavailable(target.name, Printable(e.what()));
  }
  if (const int version = connection->pq.server_version(); version < kMinServerVersion) {
    return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_TOO_OLD",
                 "database {}: PostgreSQL {} is too old", target.name, version / 10000)
        .Remedy(fmt::format("use PostgreSQL {} or newer", kMinServerVersion / 10000));
  }
  return connection;
}

}  // namespace

struct Database::Impl {
  DatabaseOptions options;
  Target target;

  std::mutex mutex;
  std::condition_variable returned;
  std::vector<std::unique_ptr<Connection>> idle;
  int open = 0;  // Idle ones included.

  // A free connection, or a new one when there is none.
  absl::StatusOr<std::unique_ptr<Connection>> Acquire();
  // broken: also all idle ones, which most probably are.
  void Release(std::unique_ptr<Connection> connection, bool broken);
  // Pq: a transaction of libpqxx.
  template <typename Pq>
  Failure RunOnce(Connection& connection, const std::function<absl::Status(Transaction&)>& work);
  template <typename Pq>
  absl::Status Run(const std::function<absl::Status(Transaction&)>& work);
};

absl::StatusOr<std::unique_ptr<Connection>> Database::Impl::Acquire() {
  {
    std::unique_lock lock(mutex);
    const auto patience = absl::ToChronoMilliseconds(options.statement_timeout);
    if (!returned.wait_for(lock, patience,
                           [&] { return !idle.empty() || open < options.pool_size; })) {
      return Unavailable(target.name,
                         fmt::format("all {} connections are in use", options.pool_size));
    }
    if (!idle.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle.back());
      idle.pop_back();
      return connection;
    }
    ++open;
  }
  auto connection = Connect(target);
  if (!connection.ok()) Release(nullptr, true);
  return connection;
}

void Database::Impl::Release(std::unique_ptr<Connection> connection, bool broken) {
  std::vector<std::unique_ptr<Connection>> closed;  // Outside of the lock.
  {
    const std::lock_guard lock(mutex);
    if (broken) {
      open -= static_cast<int>(idle.size()) + 1;
      closed.swap(idle);
    } else {
      idle.push_back(std::move(connection));
    }
  }
  returned.notify_all();
}

template <typename Pq>
Failure Database::Impl::RunOnce(Connection& connection,
                                const std::function<absl::Status(Transaction&)>& work) {
  Transaction::Impl impl;
  impl.database = target.name;
  impl.connection = &connection;
  try {
    Pq pq(connection.pq);
    impl.work = &pq;
    Transaction transaction(&impl);
    const absl::Status status = work(transaction);
    if (impl.failure.has_value()) return *impl.failure;
    if (!status.ok()) return {status};
    pq.commit();
    return {absl::OkStatus()};
  } catch (...) {
    return CurrentFailure(target.name, connection.pq.is_open());
  }
}

template <typename Pq>
absl::Status Database::Impl::Run(const std::function<absl::Status(Transaction&)>& work) {
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Acquire());
    const Failure failure = RunOnce<Pq>(*connection, work);
    Release(std::move(connection), failure.broken);
    if (failure.status.ok() || !failure.transient || attempt == kAttempts) return failure.status;
  }
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

absl::StatusOr<std::unique_ptr<Database>> Database::Open(DatabaseOptions options) {
  auto impl = std::make_unique<Impl>();
  ASSIGN_OR_RETURN(impl->target, ParseDsn(options));
  impl->options = std::move(options);
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, impl->Acquire());
  impl->Release(std::move(connection), false);
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Database::Pool Database::pool() const {
  const std::lock_guard lock(impl_->mutex);
  return {.open = impl_->open,
          .idle = static_cast<int>(impl_->idle.size()),
          .most = impl_->options.pool_size};
}

absl::Status Database::Transact(const std::function<absl::Status(Transaction&)>& work) {
  return impl_->Run<pqxx::work>(work);
}

absl::Status Database::Read(const std::function<absl::Status(Transaction&)>& work) {
  return impl_->Run<pqxx::nontransaction>(work);
}

absl::Status Database::Migrate(const MigrationProgress& on_progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connect(impl_->target));
  return ApplyMigrations(*connection, impl_->target.name, on_progress);
}

absl::Status Ping(Transaction& tx) { return Run(tx, "SELECT 1", {}).status(); }

}  // namespace dmgr::store

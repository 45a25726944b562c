#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/store/samples.h"
#include "tests/support/eventually.h"

namespace dmgr::store {
namespace {

using test::Sql;

// What a listener was told, to wait on.
class Heard {
 public:
  void Add(const std::string& payload) {
    const std::lock_guard lock(mutex_);
    list_.push_back(payload);
    changed_.notify_all();
  }
  // True when payload comes within 20 s; forgets all up to it.
  bool Wait(const std::string& payload) {
    std::unique_lock lock(mutex_);
    const auto find = [&] { return std::find(list_.begin(), list_.end(), payload); };
    const bool found =
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return find() != list_.end(); });
    if (found) list_.erase(list_.begin(), find() + 1);
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> list_;
};

constexpr char kTerminateListener[] =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND query LIKE 'LISTEN%'";

TEST_CASE("a listener hears what is notified, also after its connection broke") {
  test::TestDatabase db;
  Heard heard;
  const Listener listener(db.dsn(), "some_channel", absl::Hours(1),
                          [&](const std::string& payload) { heard.Add(payload); });
  REQUIRE(heard.Wait(""));  // It listens now.
  Sql(db.dsn(), "SELECT pg_notify('some_channel', 'one')");
  REQUIRE(heard.Wait("one"));
  REQUIRE(Sql(db.dsn(), kTerminateListener) == "1");
  REQUIRE(heard.Wait(""));  // It listens again, and says that it may have missed something.
  Sql(db.dsn(), "SELECT pg_notify('some_channel', 'two')");
  REQUIRE(heard.Wait("two"));
}

TEST_CASE("a listener wakes without a reason every fallback period") {
  test::TestDatabase db;
  Heard heard;
  const Listener listener(db.dsn(), "quiet", absl::Milliseconds(30),
                          [&](const std::string& payload) { heard.Add(payload); });
  for (int i = 0; i < 4; ++i) REQUIRE(heard.Wait(""));
}

TEST_CASE("a listener without a database ends when asked to") {
  const Listener listener("host=/nonexistent", "x", absl::Seconds(1), [](const std::string&) {});
}

TEST_CASE("a name is present for as long as a session of it lasts") {
  test::TestDatabase db;
  const auto absent = [&](const std::string& name) {
    return Get(*db, [&](Transaction& tx) { return IsAbsent(tx, name); });
  };
  CHECK(absent("a"));
  Heard heard;
  const auto listen = [&] {
    return std::make_unique<Listener>(
        db.dsn(), "quiet", absl::Hours(1), [&](const std::string& payload) { heard.Add(payload); },
        "a");
  };
  auto one = listen();
  REQUIRE(heard.Wait(""));
  CHECK(one->PresentFor().has_value());
  CHECK_FALSE(absent("a"));
  CHECK(absent("b"));
  auto other = listen();  // Does not wait for the first.
  REQUIRE(heard.Wait(""));
  one.reset();
  CHECK_FALSE(absent("a"));

  // Whoever has found a name absent keeps it so to the end of his transaction.
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    REQUIRE(Sql(db.dsn(), kTerminateListener) == "1");
    bool gone = false;
    while (!gone) {
      ASSIGN_OR_RETURN(gone, IsAbsent(tx, "a"));
    }
    while (Sql(db.dsn(),
               "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
               " AND NOT granted") != "1") {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK_FALSE(other->PresentFor().has_value());
    return absl::OkStatus();
  }));
  REQUIRE(heard.Wait(""));
  CHECK(other->PresentFor().has_value());
  other.reset();
  // The server ends the session once it has seen that the connection is closed.
  CHECK(testing::Eventually([&] { return absent("a"); }));
}

TEST_CASE("events are notified when they can be read, and not when they are rolled back") {
  test::TestDatabase db;
  Heard heard;
  const Listener listener(db.dsn(), kEventChannel, absl::Hours(1),
                          [&](const std::string& payload) { heard.Add(payload); });
  REQUIRE(heard.Wait(""));
  const OperationRecord undone = SampleOperation("c0");
  db->Transact([&](Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(InsertOperation(tx, undone, false));
      return absl::CancelledError("no");
    }).IgnoreError();
  const OperationRecord record = SampleOperation("c1");
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertOperation(tx, record, false); }));
  REQUIRE(heard.Wait(record.operation.operation_id() + kStateMark));
  CHECK(Events(*db, record.operation.operation_id()).size() == 1);
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM operation") == "1");
}

}  // namespace
}  // namespace dmgr::store

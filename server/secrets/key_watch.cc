#include "server/secrets/key_watch.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "common/error.h"
#include "server/secrets/master_key.h"
#include "server/store/seal_key_store.h"

namespace dmgr::secrets {
namespace {

constexpr char kPresence[] = "dmgr master key";
constexpr char kChannel[] = "dmgr_seal_key";
constexpr absl::Duration kPeriod = absl::Seconds(10);
constexpr absl::Duration kPatience = absl::Seconds(30);

}  // namespace

struct KeyWatch::Impl {
  explicit Impl(store::Database* the_database) : database(the_database) {}

  void Look();

  store::Database* const database;
  mutable std::mutex mutex;
  std::condition_variable seen_changed;
  bool seen = false;
  std::string expected;
  absl::Status state;
  // The last to be made and the first to end: its thread uses the others.
  std::optional<store::Listener> listener;
};

void KeyWatch::Impl::Look() {
  std::string wanted;
  {
    const std::lock_guard lock(mutex);
    seen = true;
    wanted = expected;
  }
  seen_changed.notify_all();
  if (wanted.empty()) return;
  absl::Status found;
  const absl::Status read = database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto record, store::GetSealKey(tx));
    found = record.has_value() ? CheckRecordedKey(*record, wanted) : absl::OkStatus();
    return absl::OkStatus();
  });
  // While the database is away others say so.
  if (!read.ok()) return;
  const std::lock_guard lock(mutex);
  state = found;
}

KeyWatch::KeyWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KeyWatch::~KeyWatch() = default;

absl::StatusOr<std::unique_ptr<KeyWatch>> KeyWatch::Start(store::Database* database,
                                                          const std::string& dsn) {
  auto impl = std::make_unique<Impl>(database);
  impl->listener.emplace(
      dsn, kChannel, kPeriod, [self = impl.get()](const std::string&) { self->Look(); }, kPresence);
  std::unique_lock lock(impl->mutex);
  const auto until = std::chrono::steady_clock::now() + absl::ToChronoSeconds(kPatience);
  if (!impl->seen_changed.wait_until(lock, until, [&] { return impl->seen; })) {
    lock.unlock();
    return Error(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE",
                 "the database does not let this dmgrd be known there within {}",
                 absl::FormatDuration(kPatience))
        .Remedy("see whether it answers, and whether the master key is being changed");
  }
  lock.unlock();
  return std::unique_ptr<KeyWatch>(new KeyWatch(std::move(impl)));
}

void KeyWatch::Expect(const std::string& key_id) {
  const std::lock_guard lock(impl_->mutex);
  impl_->expected = key_id;
}

absl::Status KeyWatch::Check() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->state;
}

absl::Status CheckNobodyServes(store::Transaction& tx) {
  ASSIGN_OR_RETURN(const bool absent, store::IsAbsent(tx, kPresence));
  if (absent) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "KEY_IN_USE",
               "a dmgrd serves this database, and seals with the master key")
      .Remedy("stop every dmgrd of this database first");
}

}  // namespace dmgr::secrets

#include "server/engine/lease.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/error.h"

namespace dmgr::engine {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
constexpr absl::Duration kMaxBackoff = absl::Seconds(1);
constexpr absl::Duration kRenewBackoff = absl::Milliseconds(500);

Lease::Clock::duration ToClock(absl::Duration duration) {
  return absl::ToChronoNanoseconds(duration);
}

bool IsLeaseLost(const absl::Status& status) { return Reason(status) == "LEASE_LOST"; }

// The same write may succeed in a moment.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         (absl::IsAborted(status) && !IsLeaseLost(status));
}

}  // namespace

Lease::Lease(store::Database* database, store::Claim claim, absl::Duration length,
             Clock::time_point claimed_at, std::function<void()> on_change)
    : database_(database),
      claim_(std::move(claim)),
      length_(length),
      on_change_(std::move(on_change)),
      until_((claimed_at + ToClock(length * 2 / 3)).time_since_epoch().count()),
      renewing_([this] { RenewLoop(); }) {}

Lease::~Lease() { EndRenewal(); }

void Lease::EndRenewal() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  if (renewing_.joinable()) renewing_.join();
}

bool Lease::Held() const {
  if (lost_) return false;
  if (Clock::now() < HeldUntil()) return true;
  // A renewal that comes too late does not bring it back: steps may have ended for it.
  lost_ = true;
  return false;
}

void Lease::Raise(std::atomic<bool>* condition) {
  {
    const std::lock_guard lock(mutex_);
    *condition = true;
  }
  changed_.notify_all();
  on_change_();
}

void Lease::RequestCancel() {
  Clock::rep never = Clock::time_point::max().time_since_epoch().count();
  cancel_seen_.compare_exchange_strong(never, Clock::now().time_since_epoch().count());
  Raise(&cancel_requested_);
}
void Lease::Stop() { Raise(&stopping_); }
void Lease::Lose() { Raise(&lost_); }

void Lease::Abort() {
  Raise(&stopping_);
  Raise(&aborted_);
}

void Lease::Look() {
  {
    const std::lock_guard lock(mutex_);
    look_ = true;
  }
  changed_.notify_all();
}

bool Lease::Pause(absl::Duration duration) {
  std::unique_lock lock(mutex_);
  const auto end = Clock::now() + ToClock(duration);
  changed_.wait_until(lock, std::min(end, HeldUntil()), [&] { return !MayBegin(); });
  return MayBegin();
}

absl::Status Lease::TryWrite(const std::function<absl::Status(store::Transaction&)>& work) {
  if (!Held()) {
    return Error(absl::StatusCode::kAborted, "LEASE_LOST",
                 "operation {}: the claim with epoch {} could not be renewed in time",
                 claim_.operation_id, claim_.epoch)
        .With("operation_id", claim_.operation_id)
        .Remedy("nothing to do: the operation is taken up again");
  }
  Waiting own{.work = &work};
  std::vector<Waiting*> all;
  {
    std::unique_lock lock(write_mutex_);
    waiting_.push_back(&own);
    written_.wait(lock, [&] { return own.done || !writing_; });
    if (own.done) return own.status;
    writing_ = true;
    all.swap(waiting_);
  }
  RunTogether(all);
  if (IsLeaseLost(own.status)) Lose();
  absl::Status status = own.status;
  {
    const std::lock_guard lock(write_mutex_);
    for (Waiting* one : all) one->done = true;
    writing_ = false;
  }
  written_.notify_all();
  return status;
}

void Lease::RunTogether(const std::vector<Waiting*>& all) {
  const absl::Status status = database_->Transact([&](store::Transaction& tx) -> absl::Status {
    for (const Waiting* one : all) RETURN_IF_ERROR((*one->work)(tx));
    return absl::OkStatus();
  });
  const bool is_common = status.ok() || absl::IsUnavailable(status) || IsLeaseLost(status);
  for (Waiting* one : all) {
    one->status = all.size() == 1 || is_common ? status : database_->Transact(*one->work);
  }
}

absl::Status Lease::Write(
    const std::function<absl::Status(store::Transaction&, bool in_doubt)>& work) {
  bool in_doubt = false;
  for (absl::Duration backoff = kFirstBackoff;; backoff = std::min(backoff * 2, kMaxBackoff)) {
    absl::Status status = TryWrite([&](store::Transaction& tx) { return work(tx, in_doubt); });
    if (Reason(status) == "COMMIT_IN_DOUBT") in_doubt = true;
    if (!IsTransient(status) || aborted_) return status;
    if (backoff == kFirstBackoff) {
      spdlog::warn("operation {}: a write is tried again: {}", claim_.operation_id,
                   Message(status));
    }
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, std::min(Clock::now() + ToClock(backoff), HeldUntil()),
                        [&] { return aborted_ || lost_; });
  }
}

void Lease::Release() {
  const absl::Status status =
      TryWrite([&](store::Transaction& tx) { return store::ReleaseClaim(tx, claim_); });
  if (!status.ok()) {
    spdlog::warn("operation {}: its claim ends by itself only: {}", claim_.operation_id,
                 Message(status));
  }
}

absl::Status Lease::Renew() {
  const auto asked = Clock::now();
  auto state = v1::OPERATION_STATE_UNSPECIFIED;
  RETURN_IF_ERROR(TryWrite([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::RenewLease(tx, claim_, length_));
    ASSIGN_OR_RETURN(state, store::GetOperationState(tx, claim_));
    return absl::OkStatus();
  }));
  until_ = (asked + ToClock(length_ * 2 / 3)).time_since_epoch().count();
  if (state == v1::OPERATION_STATE_CANCELLING && !cancel_requested_) RequestCancel();
  return absl::OkStatus();
}

void Lease::RenewLoop() {
  const auto third = ToClock(length_ / 3);
  auto next = HeldUntil() - third;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait_until(lock, next, [&] { return ended_ || lost_ || look_; });
    if (ended_) return;
    look_ = false;
    lock.unlock();
    const absl::Status status = Renew();
    if (!Held()) return Lose();
    if (status.ok()) {
      next = HeldUntil() - third;
    } else {
      spdlog::warn("operation {}: its claim is not renewed: {}", claim_.operation_id,
                   Message(status));
      next = std::min(Clock::now() + ToClock(kRenewBackoff), HeldUntil());
    }
    lock.lock();
  }
}

}  // namespace dmgr::engine

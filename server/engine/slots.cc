#include "server/engine/slots.h"

#include <utility>

namespace dmgr::engine {

void Slots::Serve() {
  while (free_ > 0 && !queue_.empty()) {
    Client* client = queue_.front();
    queue_.pop_front();
    client->waiting_ = false;
    client->kept_ = true;
    --free_;
    client->on_free_();
  }
}

Slots::Client::Client(Slots* slots, std::function<void()> on_free)
    : slots_(slots), on_free_(std::move(on_free)) {}

Slots::Client::~Client() { Leave(); }

bool Slots::Client::Take() {
  const std::lock_guard lock(slots_->mutex_);
  if (kept_) {
    kept_ = false;
    return true;
  }
  // Whenever there is a free one, nobody waits: see Serve.
  if (slots_->free_ > 0) {
    --slots_->free_;
    return true;
  }
  if (!waiting_) slots_->queue_.push_back(this);
  waiting_ = true;
  return false;
}

void Slots::Client::Give() {
  const std::lock_guard lock(slots_->mutex_);
  ++slots_->free_;
  slots_->Serve();
}

void Slots::Client::Leave() {
  const std::lock_guard lock(slots_->mutex_);
  if (waiting_) slots_->queue_.remove(this);
  if (kept_) ++slots_->free_;
  waiting_ = kept_ = false;
  slots_->Serve();
}

}  // namespace dmgr::engine

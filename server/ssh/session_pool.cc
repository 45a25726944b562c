#include "server/ssh/session_pool.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "common/steady_time.h"
#include "common/thread_pool.h"

namespace dmgr::ssh {
namespace {

using Clock = std::chrono::steady_clock;
// Of the question whether an idle session is still one; a host that is busy gets a new login then.
constexpr absl::Duration kProbeTimeout = absl::Seconds(2);

}  // namespace

struct SessionPool::Impl {
  struct Idle {
    Endpoint endpoint;
    std::unique_ptr<Session> session;
    Clock::time_point until;
  };

  std::mutex mutex;  // Guards all below.
  std::condition_variable changed;
  // The one that ends first is the first.
  std::list<Idle> idle;
  bool stopping = false;
  std::thread closing;

  // Closes each when its time is over.
  void CloseLoop();
  // Null when there is none.
  std::unique_ptr<Session> Take(const Endpoint& endpoint);
};

void SessionPool::Impl::CloseLoop() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    if (idle.empty()) {
      changed.wait(lock);
      continue;
    }
    // A copy: it is read once more after the wait, when the session may have been taken.
    if (const auto until = idle.front().until; Clock::now() < until) {
      changed.wait_until(lock, until);
      continue;
    }
    std::list<Idle> over;
    over.splice(over.begin(), idle, idle.begin());
    // To say goodbye may take a moment.
    lock.unlock();
    over.clear();
    lock.lock();
  }
}

std::unique_ptr<Session> SessionPool::Impl::Take(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex);
  const auto found = std::find_if(idle.rbegin(), idle.rend(),
                                  [&](const Idle& i) { return i.endpoint == endpoint; });
  if (found == idle.rend()) return nullptr;
  auto session = std::move(found->session);
  idle.erase(std::next(found).base());
  return session;
}

SessionPool::SessionPool() : impl_(std::make_unique<Impl>()) {
  impl_->closing = StartThread([impl = impl_.get()] { impl->CloseLoop(); }).value();
}

SessionPool::~SessionPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->closing.join();
}

absl::StatusOr<std::unique_ptr<Session>> SessionPool::Connect(const Endpoint& endpoint,
                                                              absl::Time deadline,
                                                              std::function<bool()> cancelled) {
  if (auto session = impl_->Take(endpoint); session != nullptr) {
    session->SetCancelled(cancelled);
    if (session->Probe(std::min(deadline, SteadyNow() + kProbeTimeout)).ok()) return session;
  }
  return Session::Connect(endpoint, deadline, std::move(cancelled));
}

void SessionPool::Keep(const Endpoint& endpoint, std::unique_ptr<Session> session) {
  session->SetCancelled({});
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->idle.push_back({endpoint, std::move(session),
                           Clock::now() + absl::ToChronoNanoseconds(SessionPool::kIdle)});
  }
  impl_->changed.notify_all();
}

}  // namespace dmgr::ssh

#include "server/instances/streams.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include "common/error.h"
#include "common/steady_time.h"
#include "common/thread_pool.h"
#include "server/machines/access.h"

namespace dmgr::instances {
namespace {

constexpr absl::Duration kStart = absl::Seconds(30);
constexpr std::chrono::milliseconds kGonePoll(100);

// What comes from all hosts, on its way to the caller's thread. Thread-safe.
class Merged {
 public:
  struct Event {
    std::size_t request = 0;
    hv1::FromHost message{};
    // The last one of its request.
    std::optional<absl::StatusOr<hv1::FromHost>> end{};
  };

  explicit Merged(std::size_t requests) : passed_on_(requests) {}

  void Push(Event event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
    }
    arrived_.notify_one();
  }
  // nullopt when nothing came in a while.
  std::optional<Event> Pop() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, kGonePoll, [this] { return !events_.empty(); })) {
      return std::nullopt;
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  void PassedOn(const Event& event) {
    passed_on_[event.request] += event.message.piece().data().size();
  }
  std::uint64_t PassedOn(std::size_t request) const { return passed_on_[request]; }
  void Stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

 private:
  std::mutex mutex_;  // Guards events_.
  std::condition_variable arrived_;
  std::deque<Event> events_;
  std::vector<std::atomic<std::uint64_t>> passed_on_;
  std::atomic<bool> stopped_ = false;
};

// On a thread of its own.
absl::StatusOr<hv1::FromHost> StreamOne(const Resources& resources, const HostRequest& request,
                                        std::size_t index, absl::Time deadline, Merged* merged) {
  const auto cancelled = [merged] { return merged->stopped(); };
  ASSIGN_OR_RETURN(const auto far_end,
                   OpenHost(resources, request.machine_id, request.mode, deadline, cancelled));
  host::StreamTaker taker;
  taker.take = [&](hv1::FromHost message) { merged->Push({index, std::move(message)}); };
  taker.passed_on = [&] { return merged->PassedOn(index); };
  host::CallOptions options;
  options.deadline = deadline;
  options.cancelled = cancelled;
  return far_end->Stream(request.request, options, taker);
}

// Takes what comes until all have ended.
absl::Status ReadAll(Merged* merged, std::size_t open, const StreamReader& reader) {
  while (open > 0) {
    const auto event = merged->Pop();
    if (reader.gone()) return absl::CancelledError("the caller has gone");
    if (!event.has_value()) continue;
    const bool stays = event->end.has_value() ? reader.on_end(event->request, *event->end)
                                              : reader.on_message(event->request, event->message);
    if (!stays) return absl::CancelledError("the caller has gone");
    merged->PassedOn(*event);
    if (event->end.has_value()) --open;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<host::FarEnd>> OpenHost(const Resources& resources,
                                                       const std::string& machine_id,
                                                       hv1::Begin::Mode mode, absl::Time deadline,
                                                       const std::function<bool()>& cancelled) {
  ASSIGN_OR_RETURN(const auto access, machines::LoadAccess(resources, machine_id));
  hv1::Begin begin;
  begin.set_mode(mode);
  return machines::OpenFarEnd(resources, access, begin, std::min(deadline, SteadyNow() + kStart),
                              cancelled);
}

void Places::Hold::Drop() {
  if (places_ == nullptr) return;
  const std::lock_guard lock(places_->mutex_);
  places_->used_ -= count_;
}

absl::StatusOr<Places::Hold> Places::Take(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (used_ + count > most_) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
                 "{} hosts stream to callers already; {} more would be above {}", used_, count,
                 most_)
        .Remedy("end other ones, or select less");
  }
  used_ += count;
  return Hold(this, count);
}

absl::Status StreamFromHosts(const Resources& resources, Places* places,
                             const std::vector<HostRequest>& requests, absl::Time deadline,
                             const StreamReader& reader) {
  ASSIGN_OR_RETURN(const auto hold, places->Take(requests.size()));
  Merged merged(requests.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto thread = StartThread([&, i] {
      merged.Push({i, {}, StreamOne(resources, requests[i], i, deadline, &merged)});
    });
    if (thread.ok()) {
      threads.push_back(*std::move(thread));
    } else {
      merged.Push({i, {}, absl::StatusOr<hv1::FromHost>(thread.status())});
    }
  }
  const absl::Status status = ReadAll(&merged, requests.size(), reader);
  merged.Stop();
  for (auto& thread : threads) thread.join();
  return status;
}

}  // namespace dmgr::instances

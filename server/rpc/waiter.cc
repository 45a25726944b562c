#include "server/rpc/waiter.h"

#include <grpcpp/alarm.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "common/grpc_status.h"

namespace dmgr::rpc {
namespace {

using Reload = std::function<absl::StatusOr<v1::Operation>()>;

class Waiter final : public grpc::ServerUnaryReactor {
 public:
  Waiter(const News& news, Reload reload, v1::WaitOperationResponse* response)
      : news_(news), reload_(std::move(reload)), response_(response) {}

  void Begin(const v1::Operation& operation, const store::CallerKey& caller,
             absl::Duration timeout) {
    {
      const std::lock_guard lock(mutex_);
      armed_ = true;
      watched_ = news_.sessions->Add(caller, [this](const absl::Status& why) {
        Advance([&]() -> std::optional<absl::Status> { return why; });
      });
      alarm_.Set(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout),
                 [this](bool) { OnAlarm(); });
    }
    Advance([&] { return Look(operation); });
  }

  void Refuse(const absl::Status& status) {
    finished_ = true;
    Finish(ToGrpcStatus(status));
  }

  void OnCancel() override {
    Advance([&]() -> std::optional<absl::Status> {
      return absl::CancelledError("the caller went away");
    });
  }

  void OnDone() override {
    std::uint64_t waiting = 0;
    std::uint64_t watched = 0;
    {
      const std::lock_guard lock(mutex_);
      waiting = waiting_;
      watched = watched_;
    }
    // After these no call of theirs can come; the alarm's comes in any case, and is the last.
    if (waiting != 0) news_.feed->Forget(waiting);
    if (watched != 0) news_.sessions->Forget(watched);
    // Its callback may run at once, but does not release what is not done.
    alarm_.Cancel();
    Release([this] { done_ = true; });
  }

 private:
  // Runs work under the lock; the status that it returns ends the call, outside the lock.
  template <typename Work>
  void Advance(Work work) {
    std::optional<absl::Status> end;
    {
      const std::lock_guard lock(mutex_);
      if (finished_) return;
      end = work();
      finished_ = end.has_value();
    }
    if (end.has_value()) Finish(ToGrpcStatus(*end));
  }

  std::optional<absl::Status> Look(const v1::Operation& operation) {
    if (engine::IsEnded(operation.state())) return Answer(operation);
    waiting_ =
        news_.feed->Next(operation.operation_id(), operation.last_sequence(),
                         [this](const absl::Status& status, const auto&) { OnEvents(status); });
    return std::nullopt;
  }

  absl::Status Answer(const v1::Operation& operation) {
    *response_->mutable_operation() = operation;
    response_->set_done(engine::IsEnded(operation.state()));
    return absl::OkStatus();
  }

  void OnEvents(const absl::Status& status) {
    Advance([&]() -> std::optional<absl::Status> {
      waiting_ = 0;
      if (!status.ok()) return status;
      const auto operation = reload_();
      if (!operation.ok()) return operation.status();
      return Look(*operation);
    });
  }

  void OnAlarm() {
    Advance([&]() -> std::optional<absl::Status> {
      const auto operation = reload_();
      if (!operation.ok()) return operation.status();
      return Answer(*operation);
    });
    Release([this] { armed_ = false; });
  }

  // By whichever of the two ends last: the call or its alarm.
  template <typename Note>
  void Release(Note note) {
    {
      const std::lock_guard lock(mutex_);
      note();
      if (!done_ || armed_) return;
    }
    delete this;
  }

  const News news_;
  Reload reload_;
  v1::WaitOperationResponse* response_;
  grpc::Alarm alarm_;
  std::mutex mutex_;  // Guards everything below.
  std::uint64_t waiting_ = 0;
  std::uint64_t watched_ = 0;
  bool armed_ = false;
  bool finished_ = false;
  bool done_ = false;
};

}  // namespace

grpc::ServerUnaryReactor* StartWaiter(const absl::StatusOr<v1::Operation>& operation,
                                      const store::CallerKey& caller, absl::Duration timeout,
                                      const News& news, Reload reload,
                                      v1::WaitOperationResponse* response) {
  auto* waiter = new Waiter(news, std::move(reload), response);
  if (operation.ok()) {
    waiter->Begin(*operation, caller, timeout);
  } else {
    waiter->Refuse(operation.status());
  }
  return waiter;
}

}  // namespace dmgr::rpc

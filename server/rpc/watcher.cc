#include "server/rpc/watcher.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/grpc_status.h"

namespace dmgr::rpc {
namespace {

// Asks the feed for a batch, writes its events one by one, and so on: at most one batch is held for
// a watcher, however slow it is. Either a write or a question to the feed is under way.
class Watcher final : public grpc::ServerWriteReactor<v1::WatchOperationResponse> {
 public:
  Watcher(std::uint64_t after_sequence, engine::EventFeed* feed,
          std::function<absl::StatusOr<v1::Operation>()> reload)
      : after_(after_sequence), feed_(feed), reload_(std::move(reload)) {}

  void Begin(const v1::Operation& operation) {
    std::lock_guard<std::mutex> lock(mutex_);
    operation_id_ = operation.operation_id();
    ended_at_ = engine::IsEnded(operation.state()) ? operation.last_sequence() : 0;
    *message_.mutable_operation() = operation;
    Write();
  }

  void Refuse(const absl::Status& status) {
    finished_ = true;
    Finish(ToGrpcStatus(status));
  }

  void OnWriteDone(bool ok) override {
    Advance([&]() -> std::optional<absl::Status> {
      writing_ = false;
      if (!ok) return absl::CancelledError("the watcher went away");
      return Next();
    });
  }

  void OnCancel() override {
    Advance([&]() -> std::optional<absl::Status> {
      // A write under way ends first, and badly.
      if (writing_) return std::nullopt;
      return absl::CancelledError("the watcher went away");
    });
  }

  void OnDone() override {
    std::uint64_t waiting = 0;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      waiting = waiting_;
    }
    // After this no call of the feed can come.
    if (waiting != 0) feed_->Forget(waiting);
    delete this;
  }

 private:
  // Runs work under the lock; the status that it returns ends the stream, outside the lock, since
  // OnDone may follow on any thread.
  template <typename Work>
  void Advance(Work work) {
    std::optional<absl::Status> end;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (finished_) return;
      end = work();
      finished_ = end.has_value();
    }
    if (end.has_value()) Finish(ToGrpcStatus(*end));
  }

  void Write() {
    writing_ = true;
    // Events that were read together go out together.
    const bool more = events_ != nullptr && position_ < events_->size();
    StartWrite(&message_, more ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions());
  }

  // Writes the next event, asks for more, or says that it is over.
  std::optional<absl::Status> Next() {
    if (events_ != nullptr && position_ < events_->size()) {
      const v1::OperationEvent& event = (*events_)[position_++];
      after_ = event.sequence();
      if (event.has_operation_state() && engine::IsEnded(event.operation_state().state())) {
        CheckEnd();
      }
      message_.Clear();
      *message_.mutable_event() = event;
      Write();
      return std::nullopt;
    }
    if (ended_at_ != 0 && after_ >= ended_at_) return absl::OkStatus();
    waiting_ = feed_->Next(operation_id_, after_,
                           [this](absl::Status status, engine::EventFeed::Events events) {
                             OnEvents(std::move(status), std::move(events));
                           });
    return std::nullopt;
  }

  // A FAILED operation may have been resumed since: the end is where its last event is.
  void CheckEnd() {
    auto operation = reload_();
    if (!operation.ok()) return;
    ended_at_ = engine::IsEnded(operation->state()) ? operation->last_sequence() : 0;
  }

  void OnEvents(absl::Status status, engine::EventFeed::Events events) {
    Advance([&]() -> std::optional<absl::Status> {
      waiting_ = 0;
      if (!status.ok()) return status;
      events_ = std::move(events);
      position_ = 0;
      return Next();
    });
  }

  std::mutex mutex_;  // Guards everything below.
  std::string operation_id_;
  std::uint64_t after_;
  // Sequence of the operation's last event once it has ended; 0: it goes on.
  std::uint64_t ended_at_ = 0;
  engine::EventFeed* feed_;
  std::function<absl::StatusOr<v1::Operation>()> reload_;
  engine::EventFeed::Events events_;
  std::size_t position_ = 0;
  v1::WatchOperationResponse message_;
  std::uint64_t waiting_ = 0;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchOperationResponse>* StartWatcher(
    absl::StatusOr<v1::Operation> operation, std::uint64_t after_sequence, engine::EventFeed* feed,
    std::function<absl::StatusOr<v1::Operation>()> reload) {
  auto* watcher = new Watcher(after_sequence, feed, std::move(reload));
  if (operation.ok()) {
    watcher->Begin(*operation);
  } else {
    watcher->Refuse(operation.status());
  }
  return watcher;
}

}  // namespace dmgr::rpc

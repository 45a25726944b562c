#include "server/rpc/watcher.h"

#include <optional>
#include <string>
#include <utility>

#include "server/clusters/to_api.h"
#include "server/engine/progress.h"

namespace dmgr::rpc {
namespace {

using ReloadRow = std::function<absl::StatusOr<v1::Operation>()>;

// The sequence of the last event of an operation that has ended; 0: it goes on.
std::uint64_t EndOf(const v1::Operation& operation) {
  return engine::IsEnded(operation.state()) ? operation.last_sequence() : 0;
}

class Watcher final : public Stream<v1::WatchOperationResponse> {
 public:
  Watcher(std::uint64_t after_sequence, const News& news, ReloadRow reload)
      : Stream(news), after_(after_sequence), reload_(std::move(reload)) {}

  void Begin(const store::OperationRecord& record, const store::CallerKey& caller) {
    Follow(caller);
    Advance([&]() -> std::optional<absl::Status> {
      operation_id_ = record.operation.operation_id();
      ended_at_ = EndOf(record.operation);
      // What came before counts for the progress: it is read again, and not sent.
      const bool from_now = after_ >= record.operation.last_sequence();
      progress_ = from_now ? engine::Progress::Now(record) : engine::Progress::AtBegin(record);
      read_ = from_now ? after_ : 0;
      *message_.mutable_operation() = clusters::ToApi(record);
      Write(/*more=*/false);
      return std::nullopt;
    });
  }

 private:
  std::optional<absl::Status> Next() override {
    while (events_ != nullptr && position_ < events_->size()) {
      const v1::OperationEvent& event = (*events_)[position_++];
      read_ = event.sequence();
      progress_->Apply(event);
      if (event.has_operation_state() && engine::IsEnded(event.operation_state().state())) {
        CheckEnd();
      }
      if (event.sequence() <= after_) continue;
      message_.Clear();
      *message_.mutable_event() = event;
      message_.mutable_event()->set_progress_percent(progress_->percent());
      // Events that were read together go out together.
      Write(position_ < events_->size());
      return std::nullopt;
    }
    if (ended_at_ != 0 && read_ >= ended_at_) return absl::OkStatus();
    waiting_ = news_.feed->Next(
        operation_id_, read_,
        [this](const absl::Status& status, auto events) { OnEvents(status, std::move(events)); });
    return std::nullopt;
  }

  // A FAILED operation may have been resumed since: the end is where its last event is.
  void CheckEnd() {
    const auto operation = reload_();
    if (operation.ok()) ended_at_ = EndOf(*operation);
  }

  void OnEvents(const absl::Status& status, engine::EventFeed::Events events) {
    Advance([&]() -> std::optional<absl::Status> {
      waiting_ = 0;
      if (!status.ok()) return status;
      events_ = std::move(events);
      position_ = 0;
      return Next();
    });
  }

  std::string operation_id_;
  // Events up to this one are not sent.
  const std::uint64_t after_;
  // The last one that was read.
  std::uint64_t read_ = 0;
  std::uint64_t ended_at_ = 0;
  ReloadRow reload_;
  std::optional<engine::Progress> progress_;
  engine::EventFeed::Events events_;
  std::size_t position_ = 0;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchOperationResponse>* StartWatcher(
    const absl::StatusOr<store::OperationRecord>& operation, const store::CallerKey& caller,
    std::uint64_t after_sequence, const News& news, ReloadRow reload) {
  auto* watcher = new Watcher(after_sequence, news, std::move(reload));
  if (operation.ok()) {
    watcher->Begin(*operation, caller);
  } else {
    watcher->Refuse(operation.status());
  }
  return watcher;
}

}  // namespace dmgr::rpc

// What the streams of operations' news have in common.
#ifndef DMGR_SERVER_RPC_STREAM_H_
#define DMGR_SERVER_RPC_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/grpc_status.h"
#include "server/engine/event_feed.h"
#include "server/rpc/guard.h"
#include "server/rpc/session_watch.h"

namespace dmgr::rpc {

// Where streams get their news, and who tells them that their caller is not welcome any more.
struct News {
  engine::EventFeed* feed;
  SessionWatch* sessions;
  // What the caller holds for as long as its stream lives.
  std::shared_ptr<const Admission::Place> place{};

  News Holding(const absl::StatusOr<Admitted>& caller) const {
    return {feed, sessions, caller.ok() ? caller->place : nullptr};
  }
};

// Either a write or a question to the feed is under way: at most one batch of news is held for a
// watcher, however slow it is. Ends when its caller goes away, or is not welcome any more. Deletes
// itself.
template <typename Response>
class Stream : public grpc::ServerWriteReactor<Response> {
 public:
  explicit Stream(const News& news) : news_(news) {}

  // Ends a stream that has not begun.
  void Refuse(const absl::Status& status) {
    finished_ = true;
    this->Finish(ToGrpcStatus(status));
  }

  void OnWriteDone(bool ok) final {
    Advance([&]() -> std::optional<absl::Status> {
      writing_ = false;
      if (!ok) return absl::CancelledError("the watcher went away");
      if (end_.has_value()) return end_;
      return Next();
    });
  }

  void OnCancel() final { End(absl::CancelledError("the watcher went away")); }

  void OnDone() final {
    std::uint64_t waiting = 0;
    std::uint64_t watched = 0;
    {
      const std::lock_guard lock(mutex_);
      waiting = waiting_;
      watched = watched_;
    }
    // After these no call can come.
    if (waiting != 0) ForgetQuestion(waiting);
    if (watched != 0) news_.sessions->Forget(watched);
    delete this;
  }

 protected:
  ~Stream() override = default;

  // Goes on after a write: writes, asks the feed, or returns how the stream ends. Under the lock.
  virtual std::optional<absl::Status> Next() = 0;

  // The question that is under way is not answered after this returns.
  virtual void ForgetQuestion(std::uint64_t waiting) { news_.feed->Forget(waiting); }

  // To be called once, when the caller was admitted.
  void Follow(const store::CallerKey& caller) {
    const std::lock_guard lock(mutex_);
    watched_ = news_.sessions->Add(caller, [this](const absl::Status& why) { End(why); });
  }

  // Runs work under the lock; the status that it returns ends the stream, outside the lock, since
  // OnDone may follow on any thread.
  template <typename Work>
  void Advance(Work work) {
    std::optional<absl::Status> end;
    {
      const std::lock_guard lock(mutex_);
      if (finished_) return;
      end = work();
      finished_ = end.has_value();
    }
    if (end.has_value()) this->Finish(ToGrpcStatus(*end));
  }

  // Sends message_. more: another one follows at once. Under the lock.
  void Write(bool more) {
    writing_ = true;
    this->StartWrite(&message_,
                     more ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions());
  }

  const News news_;
  std::mutex mutex_;  // Guards everything below, and what derived classes have.
  Response message_;
  // The question to the feed that is under way, or 0.
  std::uint64_t waiting_ = 0;

 private:
  void End(const absl::Status& why) {
    Advance([&]() -> std::optional<absl::Status> {
      // A write under way ends first.
      if (!writing_) return why;
      end_ = why;
      return std::nullopt;
    });
  }

  std::uint64_t watched_ = 0;
  std::optional<absl::Status> end_;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_STREAM_H_

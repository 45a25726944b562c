// Events of operations to any number of watchers, from any replica: stored first, then sent.
#ifndef DMGR_SERVER_ENGINE_EVENT_FEED_H_
#define DMGR_SERVER_ENGINE_EVENT_FEED_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/store/database.h"

namespace dmgr::engine {

// One LISTEN connection and one reading thread for all watchers; a batch of events is read once
// for all who wait at the same place. Thread-safe.
class EventFeed {
 public:
  EventFeed(store::Database* database, const std::string& dsn);
  // Watchers get no more calls.
  ~EventFeed();

  using Events = std::shared_ptr<const std::vector<v1::OperationEvent>>;
  // A watcher asks for one batch at a time, so a slow one delays nobody: on_events is called once,
  // from the feed's thread and never from within Next, as soon as there are events after
  // after_sequence (at most 256, in order, without a gap), or with an error.
  // Returns an id for Forget.
  std::uint64_t Next(const std::string& operation_id, std::uint64_t after_sequence,
                     std::function<void(absl::Status, Events)> on_events);

  // What has changed of all operations since a position of this feed.
  struct Changes {
    // For the next question.
    std::uint64_t position = 0;
    // Anything may have changed: at position 0, after one that is too old, when notifications may
    // have been lost, and every few seconds for those that were.
    bool any = false;
    // Ids of operations with new events, else; each once.
    std::set<std::string> operation_ids = {};
  };
  // For a watcher of all operations: on_changes is called once, as on_events, as soon as there is a
  // change after the position.
  std::uint64_t NextChanges(std::uint64_t position, std::function<void(const Changes&)> on_changes);

  // What was given to Next or NextChanges will not be called after this returns.
  void Forget(std::uint64_t id);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The operation will have no further event for now: SUCCEEDED, FAILED, CANCELLED or ROLLED_BACK.
bool IsEnded(v1::OperationState state);

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_EVENT_FEED_H_

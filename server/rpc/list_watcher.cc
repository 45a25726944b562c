#include "server/rpc/list_watcher.h"

#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/clusters/to_api.h"
#include "server/store/operation_store.h"

namespace dmgr::rpc {
namespace {

constexpr int kMostActive = 1000;

class ListWatcher final : public Stream<v1::WatchOperationsResponse> {
 public:
  ListWatcher(std::string cluster_name, const News& news, const Scope* scope,
              store::Database* database)
      : Stream(news), cluster_name_(std::move(cluster_name)), scope_(scope), database_(database) {}

  void Begin(const Session& caller) {
    rights_ = caller.rights;
    Follow(caller.key);
    Advance([&] { return Next(); });
  }

 private:
  std::optional<absl::Status> Next() override {
    if (!changed_.empty()) {
      *message_.mutable_operation() = std::move(changed_.front());
      changed_.pop_front();
      Write(!changed_.empty());
      return std::nullopt;
    }
    waiting_ = news_.feed->NextChanges(
        position_, [this](const engine::EventFeed::Changes& changes) { OnChanges(changes); });
    return std::nullopt;
  }

  void OnChanges(const engine::EventFeed::Changes& changes) {
    Advance([&]() -> std::optional<absl::Status> {
      waiting_ = 0;
      const absl::Status read = Read(changes);
      // Then the same is asked again.
      if (read.ok()) position_ = changes.position;
      if (!read.ok() && !absl::IsUnavailable(read)) return read;
      return Next();
    });
  }

  // Puts into changed_ what differs from what was sent last.
  absl::Status Read(const engine::EventFeed::Changes& changes) {
    std::vector<store::OperationRecord> records;
    ASSIGN_OR_RETURN(const store::SeenClusters seen, scope_->Seen(rights_));
    RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
      std::set<std::string> ids = changes.operation_ids;
      if (changes.any) {
        for (const auto& [id, sequence] : active_) ids.insert(id);
        v1::ListOperationsRequest active;
        active.set_cluster_name(cluster_name_);
        for (const auto state :
             {v1::OPERATION_STATE_QUEUED, v1::OPERATION_STATE_RUNNING,
              v1::OPERATION_STATE_CANCELLING, v1::OPERATION_STATE_ROLLING_BACK}) {
          active.add_states(state);
        }
        ASSIGN_OR_RETURN(const auto listed,
                         store::ListOperations(tx, active, std::nullopt, kMostActive, seen));
        for (const auto& record : listed) ids.insert(record.operation.operation_id());
      }
      ASSIGN_OR_RETURN(records, store::GetOperations(tx, {ids.begin(), ids.end()}));
      return absl::OkStatus();
    }));
    for (const auto& record : records) {
      if (IsSeen(seen, record.operation.cluster_name())) Take(clusters::ToApi(record));
    }
    return absl::OkStatus();
  }

  void Take(v1::Operation operation) {
    if (!cluster_name_.empty() && operation.cluster_name() != cluster_name_) return;
    operation.clear_next_actions();
    const std::string& id = operation.operation_id();
    const auto known = active_.find(id);
    if (known != active_.end() && known->second == operation.last_sequence()) return;
    if (engine::IsEnded(operation.state())) {
      active_.erase(id);
    } else {
      active_[id] = operation.last_sequence();
    }
    changed_.push_back(std::move(operation));
  }

  const std::string cluster_name_;
  const Scope* scope_;
  store::Database* database_;
  auth::Rights rights_;
  // Of the feed.
  std::uint64_t position_ = 0;
  // Sequence of what was sent of those that have not ended.
  std::map<std::string, std::uint64_t> active_;
  std::deque<v1::Operation> changed_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchOperationsResponse>* StartListWatcher(
    const absl::StatusOr<Admitted>& admitted, const std::string& cluster_name, const News& news,
    const Scope* scope, store::Database* database) {
  auto* watcher = new ListWatcher(cluster_name, news, scope, database);
  if (admitted.ok()) {
    watcher->Begin(admitted->session);
  } else {
    watcher->Refuse(admitted.status());
  }
  return watcher;
}

}  // namespace dmgr::rpc

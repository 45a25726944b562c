#include "server/status/prober.h"

#include <utility>

#include "absl/cleanup/cleanup.h"

namespace dmgr::status {

Prober::Answer Prober::Probe(const std::string& cluster_name) {
  std::unique_lock lock(mutex_);
  std::shared_ptr<Shared>& next = next_[cluster_name];
  if (next == nullptr) next = std::make_shared<Shared>();
  const std::shared_ptr<Shared> mine = next;
  changed_.wait(lock,
                [&] { return mine->done || (!mine->begun && !running_.contains(cluster_name)); });
  if (mine->done) return mine->answer;
  mine->begun = true;
  next_.erase(cluster_name);
  running_.insert(cluster_name);
  {
    // Also when it throws: the others must not wait for ever.
    const absl::Cleanup end = [&] {
      if (!lock.owns_lock()) lock.lock();
      running_.erase(cluster_name);
      mine->done = true;
      changed_.notify_all();
    };
    lock.unlock();
    Answer answer = look_(cluster_name);
    lock.lock();
    mine->answer = std::move(answer);
  }
  return mine->answer;
}

}  // namespace dmgr::status

// Looks at clusters for many who ask at once.
#ifndef DMGR_SERVER_STATUS_PROBER_H_
#define DMGR_SERVER_STATUS_PROBER_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"

namespace dmgr::status {

// Each look logs in to every host of a cluster, and a host takes few logins at a time, which
// operations need as well: so there is one look at a cluster at a time. Who asks while one runs
// gets the next one, together with all others who asked meanwhile: what is seen is never older than
// the question. Thread-safe.
class Prober {
 public:
  using Answer = absl::StatusOr<v1::GetClusterStatusResponse>;
  using Look = std::function<Answer(const std::string& cluster_name)>;
  explicit Prober(Look look) : look_(std::move(look)) {}

  // As `look`, and waits for another one first at most.
  Answer Probe(const std::string& cluster_name);

 private:
  struct Shared {
    bool begun = false;
    bool done = false;
    Answer answer = absl::UnknownError("nobody has looked");
  };

  const Look look_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> running_;
  std::map<std::string, std::shared_ptr<Shared>> next_;
};

}  // namespace dmgr::status

#endif  // DMGR_SERVER_STATUS_PROBER_H_

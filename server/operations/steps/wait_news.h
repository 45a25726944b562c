// What a step that waits says meanwhile.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_WAIT_NEWS_H_
#define DMGR_SERVER_OPERATIONS_STEPS_WAIT_NEWS_H_

#include <string>

#include "absl/time/time.h"
#include "common/steady_time.h"
#include "server/engine/runner.h"

namespace dmgr::operations {

// Lines in the operation's log: none of a wait that is short; then what is waited for, again
// whenever that changes, and every ten seconds with the time that has gone by.
class WaitNews {
 public:
  explicit WaitNews(engine::StepContext* context) : context_(context), begin_(SteadyNow()) {}

  // What is waited for now; to be called as often as one looks.
  void Say(const std::string& what);

 private:
  engine::StepContext* const context_;
  const absl::Time begin_;
  absl::Time said_at_ = absl::InfinitePast();
  std::string said_;
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_WAIT_NEWS_H_

// What a look at many hosts finds, as one error. Private to this room.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_FINDINGS_H_
#define DMGR_SERVER_OPERATIONS_CALLS_FINDINGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace dmgr::operations {

class Findings {
 public:
  // The host could not be looked at.
  void AddFailure(const std::string& machine, const absl::Status& status);
  // Something on the host is in the way; one sentence.
  void AddConflict(const std::string& machine, const std::string& text);
  // What a cluster has left on the host when it could not be reached, in words.
  void AddLeftover(const std::string& machine, const std::string& what);
  // It does not reach another host; one sentence.
  void AddUnreached(const std::string& machine, const std::string& text);

  // OK when there are none. The status of the only one, or a line for each.
  absl::Status ToStatus() const;

 private:
  struct Finding {
    std::string reason;
    std::string machine;
    std::string line;
  };

  std::vector<absl::Status> failures_;
  std::vector<Finding> findings_;
  // With something that was left there.
  std::vector<std::string> to_clean_;
  bool in_the_way_ = false;
  bool unreached_ = false;
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_FINDINGS_H_

// Differences as they are found. Pure.
#ifndef DMGR_SERVER_VERIFY_FINDINGS_H_
#define DMGR_SERVER_VERIFY_FINDINGS_H_

#include <string>
#include <vector>

#include "dmgr/v1/check_service.pb.h"

namespace dmgr::verify {

// What one difference is about.
struct Subject {
  std::string machine = {};
  std::string instance = {};
  std::string path = {};
};

// Collects differences, and adds to each whether a repair mends it and what else helps.
class Findings {
 public:
  // may_repair: RepairCluster is for this cluster at all.
  explicit Findings(std::string cluster, bool may_repair = true)
      : cluster_(std::move(cluster)), may_repair_(may_repair) {}

  // found: of the kind, as one sentence.
  void Add(v1::DifferenceKind kind, const Subject& subject, const std::string& expected,
           const std::string& found, const std::string& text);
  const std::vector<v1::Difference>& differences() const { return differences_; }

 private:
  const std::string cluster_;
  const bool may_repair_;
  std::vector<v1::Difference> differences_;
};

// Whether RepairCluster mends differences of this kind.
bool IsRepairable(v1::DifferenceKind kind);

// What mends all of these, the most useful first; each call once.
std::vector<v1::NextAction> NextActionsOf(const std::vector<v1::Difference>& differences);

}  // namespace dmgr::verify

#endif  // DMGR_SERVER_VERIFY_FINDINGS_H_

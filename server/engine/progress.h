// How far an operation was after each of its events.
#ifndef DMGR_SERVER_ENGINE_PROGRESS_H_
#define DMGR_SERVER_ENGINE_PROGRESS_H_

#include <string>
#include <unordered_map>

#include "dmgr/v1/operation_service.pb.h"
#include "server/store/operation_store.h"

namespace dmgr::engine {

// By the rule of Operation.progress_percent: steps count by their weight, one that moves bytes by
// the part that it has moved; a rollback counts the steps that were begun. One thread.
class Progress {
 public:
  // As the record stands.
  static Progress Now(const store::OperationRecord& record);
  // Before the first event of the record's operation.
  static Progress AtBegin(const store::OperationRecord& record);

  // Events that are in it already may come again.
  void Apply(const v1::OperationEvent& event);
  // 0 to 100.
  double percent() const;

 private:
  struct Step {
    double weight = 0;
    v1::StepState state = v1::STEP_STATE_PENDING;
    bool begun = false;
    // Of its bytes.
    double share = 0;

    double done() const;
  };

  void Add(const Step& step, double sign);

  std::unordered_map<std::string, Step> steps_;
  v1::OperationState state_ = v1::OPERATION_STATE_QUEUED;
  v1::OperationPhase phase_ = v1::OPERATION_PHASE_FORWARD;
  // Sums of weights.
  double all_ = 0;
  double done_ = 0;
  double begun_ = 0;
  double undone_ = 0;
};

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_PROGRESS_H_

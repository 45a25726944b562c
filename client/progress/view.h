// The picture of an operation that is under way.
#ifndef DMGR_CLIENT_PROGRESS_VIEW_H_
#define DMGR_CLIENT_PROGRESS_VIEW_H_

#include <map>
#include <string>
#include <vector>

#include "client/progress/block.h"
#include "client/progress/meter.h"
#include "client/terminal.h"
#include "dmgr/v1/operation_service.pb.h"

namespace dmgr::client {

// Applies events to an operation and shows what they change. Plain: one line for each step that
// ends and each log line. Live: below those lines a block that is redrawn, with a bar, bytes, rate
// and time to go, and a line for each host at work. One thread.
class View {
 public:
  // `pause`: a live view is not drawn more often.
  explicit View(Terminal* terminal, absl::Duration pause = absl::ZeroDuration())
      : terminal_(terminal), pause_(pause), block_(terminal) {}

  // The operation as it stood; before any event, and again after a reconnect.
  void Begin(const v1::Operation& operation);
  void Apply(const v1::OperationEvent& event);
  // Time goes by, or the terminal has another size: draws what is not drawn yet.
  void Tick();
  // Removes the live block and prints how it ended.
  void End();
  const v1::Operation& operation() const { return operation_; }
  // Takes the live block off the screen, so that other text can be printed.
  void Clear();

 private:
  void Line(const std::string& text);
  // "HOST  title: what", on a live terminal with the title cut to fit.
  void StepLine(const v1::OperationStep& step, const std::string& what);
  void Draw();
  void ApplyStep(const v1::StepStateChanged& change, const google::protobuf::Timestamp& time);
  void ApplyProgress(const v1::StepProgress& progress, const google::protobuf::Timestamp& time);
  v1::OperationStep* Find(const std::string& step_id);
  std::vector<std::string> LiveLines() const;
  std::string Summary() const;

  Terminal* terminal_;
  const absl::Duration pause_;
  Block block_;
  v1::Operation operation_;
  std::map<std::string, int> index_;
  // Of all steps together, those that were sent twice counted twice.
  std::uint64_t moved_ = 0;
  Meter meter_;
  absl::Time next_draw_ = absl::InfinitePast();
  bool shown_ = true;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_PROGRESS_VIEW_H_

// The picture of an operation that is under way.
#ifndef DMGR_CLIENT_PROGRESS_VIEW_H_
#define DMGR_CLIENT_PROGRESS_VIEW_H_

#include <map>
#include <string>
#include <vector>

#include "client/terminal.h"
#include "dmgr/v1/operation_service.pb.h"

namespace dmgr::client {

// Applies events to an operation and shows what they change. Plain: one line for each step that
// ends and each log line. Live: below those lines a block that is redrawn, with a bar and a line
// for each host at work.
class View {
 public:
  explicit View(Terminal* terminal) : terminal_(terminal) {}

  // The operation as it stood; before any event, and again after a reconnect.
  void Begin(const v1::Operation& operation);
  void Apply(const v1::OperationEvent& event);
  // Removes the live block and prints how it ended.
  void End();
  const v1::Operation& operation() const { return operation_; }
  // Takes the live block off the screen, so that other text can be printed.
  void Clear();

 private:
  void Line(const std::string& text);
  void Draw();
  void ApplyStep(const v1::StepStateChanged& change, const google::protobuf::Timestamp& time);
  v1::OperationStep* Find(const std::string& step_id);
  std::vector<std::string> LiveLines() const;
  std::string Label(const v1::OperationStep& step) const;

  Terminal* terminal_;
  v1::Operation operation_;
  std::map<std::string, int> index_;
  int drawn_lines_ = 0;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_PROGRESS_VIEW_H_

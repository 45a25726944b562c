// Parameters and results of steps, as they are stored.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_STEP_JSON_H_
#define DMGR_SERVER_OPERATIONS_PLAN_STEP_JSON_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"

namespace dmgr::operations {

// The stored form of a message of dmgr.plan.v1. Never "{}" for one that has a field: that is the
// result of a step that has recorded nothing.
std::string StepJson(const google::protobuf::Message& message);

// Reads it back. INTERNAL with reason STEP_UNREADABLE. Fields that the message does not have are
// skipped: a runner that several operations share reads what it needs of each one's own message.
absl::Status ReadStep(const std::string& json, google::protobuf::Message* message);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_STEP_JSON_H_

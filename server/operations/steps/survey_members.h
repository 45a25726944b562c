// The step that records who is bound to what before instances are taken one after another.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_SURVEY_MEMBERS_H_
#define DMGR_SERVER_OPERATIONS_STEPS_SURVEY_MEMBERS_H_

#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Registers it.
void RegisterSurveyMembers(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_SURVEY_MEMBERS_H_

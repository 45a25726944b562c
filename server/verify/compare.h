// A host as it was seen, against what it is to have. Pure.
#ifndef DMGR_SERVER_VERIFY_COMPARE_H_
#define DMGR_SERVER_VERIFY_COMPARE_H_

#include "dmgr/host/v1/host.pb.h"
#include "server/verify/expected.h"
#include "server/verify/findings.h"

namespace dmgr::verify {

// seen: the answer to SurveyFor(expected). False when it answers something else, and says nothing
// of the host.
bool CompareHost(const ExpectedHost& expected, const hv1::SurveyReply& seen, Findings* findings);

}  // namespace dmgr::verify

#endif  // DMGR_SERVER_VERIFY_COMPARE_H_

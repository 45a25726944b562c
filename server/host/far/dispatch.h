// From a request to its action.
#ifndef DMGR_SERVER_HOST_FAR_DISPATCH_H_
#define DMGR_SERVER_HOST_FAR_DISPATCH_H_

#include "server/host/far/base/context.h"

namespace dmgr::far {

// The last answer to a request; a Failure when the action threw. Never throws.
hv1::FromHost Answer(Context& context, const hv1::ToHost& request);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_DISPATCH_H_

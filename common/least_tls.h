// The least version of TLS.
#ifndef DMGR_COMMON_LEAST_TLS_H_
#define DMGR_COMMON_LEAST_TLS_H_

namespace dmgr {

// From here on gRPC speaks TLS 1.3, as server and as client, or nothing. To be called first in
// main(), before there are threads and before gRPC is used.
void RequireTls13();

}  // namespace dmgr

#endif  // DMGR_COMMON_LEAST_TLS_H_

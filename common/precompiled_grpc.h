// As precompiled.h, for the few rooms that speak gRPC.
#ifndef DMGR_COMMON_PRECOMPILED_GRPC_H_
#define DMGR_COMMON_PRECOMPILED_GRPC_H_

#include <grpcpp/grpcpp.h>

#include "common/precompiled.h"

#endif  // DMGR_COMMON_PRECOMPILED_GRPC_H_

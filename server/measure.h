// What dmgrd shows of itself in numbers.
#ifndef DMGR_SERVER_MEASURE_H_
#define DMGR_SERVER_MEASURE_H_

#include "server/metrics/readings.h"
#include "server/resources/resources.h"
#include "server/rpc/server.h"

namespace dmgr {

// Asks the database, and the DM of every cluster that is up.
metrics::Readings Measure(const Resources& resources, const rpc::Server& server);

}  // namespace dmgr

#endif  // DMGR_SERVER_MEASURE_H_

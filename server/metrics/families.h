// Private to this room. Readings as Prometheus has them.
#ifndef DMGR_SERVER_METRICS_FAMILIES_H_
#define DMGR_SERVER_METRICS_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "server/metrics/readings.h"

namespace dmgr::metrics {

// Subtasks that are told one by one; what is beyond is counted only.
inline constexpr std::size_t kMostSubtasks = 20'000;

std::vector<prometheus::MetricFamily> FamiliesOf(const Readings& readings);

}  // namespace dmgr::metrics

#endif  // DMGR_SERVER_METRICS_FAMILIES_H_

// Private to this room. All metrics of one name.
#ifndef DMGR_SERVER_METRICS_FAMILY_H_
#define DMGR_SERVER_METRICS_FAMILY_H_

#include <prometheus/metric_family.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "server/metrics/readings.h"

namespace dmgr::metrics {

using Labels = std::initializer_list<std::pair<const char*, std::string>>;

class Family {
 public:
  Family(const char* name, const char* help,
         prometheus::MetricType type = prometheus::MetricType::Gauge) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
  }

  void Add(double value, const Labels& labels = {}) {
    prometheus::ClientMetric metric;
    for (const auto& [name, text] : labels) metric.label.push_back({name, text});
    const bool is_counter = family_.type == prometheus::MetricType::Counter;
    (is_counter ? metric.counter.value : metric.gauge.value) = value;
    family_.metric.push_back(std::move(metric));
  }
  prometheus::MetricFamily Take() { return std::move(family_); }

 private:
  prometheus::MetricFamily family_;
};

// What the database knows: steps, queue, leases, its size, states and members of clusters.
void AddWork(const Readings& readings, std::vector<prometheus::MetricFamily>* families);
// What this dmgrd knows of itself: its connections, uploads, what it has forgotten.
void AddOwnLife(const Readings& readings, std::vector<prometheus::MetricFamily>* families);

}  // namespace dmgr::metrics

#endif  // DMGR_SERVER_METRICS_FAMILY_H_

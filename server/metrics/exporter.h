// Serves readings to Prometheus.
#ifndef DMGR_SERVER_METRICS_EXPORTER_H_
#define DMGR_SERVER_METRICS_EXPORTER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/metrics/readings.h"

namespace dmgr::metrics {

// GET /metrics on one address, for whoever reaches it: without TLS and without asking who it is.
class Exporter {
 public:
  using Read = std::function<Readings()>;
  // read: called by threads of its own, one at a time, at most once in `period`, however many
  // scrape. UNAVAILABLE, METRICS_LISTEN_FAILED, when nothing can listen there; port 0 takes a free
  // one.
  static absl::StatusOr<std::unique_ptr<Exporter>> Start(const std::string& address, Read read,
                                                         absl::Duration period = absl::Seconds(5));
  // Waits for a read that is under way.
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  int port() const;

 private:
  struct Impl;
  explicit Exporter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::metrics

#endif  // DMGR_SERVER_METRICS_EXPORTER_H_

#include "server/metrics/exporter.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <exception>
#include <mutex>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/metrics/families.h"

namespace dmgr::metrics {
namespace {

// What was read last serves all who ask within the period.
class Reader final : public prometheus::Collectable {
 public:
  Reader(Exporter::Read read, absl::Duration period) : read_(std::move(read)), period_(period) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const std::lock_guard lock(mutex_);
    const absl::Time now = SteadyNow();
    if (now >= next_read_) {
      families_ = FamiliesOf(read_());
      next_read_ = now + period_;
    }
    return families_;
  }

 private:
  const Exporter::Read read_;
  const absl::Duration period_;
  mutable std::mutex mutex_;  // Guards all below.
  mutable std::vector<prometheus::MetricFamily> families_;
  mutable absl::Time next_read_ = absl::InfinitePast();
};

}  // namespace

struct Exporter::Impl {
  Impl(const std::string& address, Read read, absl::Duration period)
      : exposer(address), reader(std::make_shared<Reader>(std::move(read), period)) {
    exposer.RegisterCollectable(reader);
  }

  prometheus::Exposer exposer;
  std::shared_ptr<prometheus::Collectable> reader;
};

absl::StatusOr<std::unique_ptr<Exporter>> Exporter::Start(const std::string& address, Read read,
                                                          absl::Duration period) {
  try {
    return std::unique_ptr<Exporter>(
        new Exporter(std::make_unique<Impl>(address, std::move(read), period)));
  } catch (const std::exception& e) {
    return Error(absl::StatusCode::kUnavailable, "METRICS_LISTEN_FAILED",
                 "cannot serve metrics on {}: {}", address, e.what())
        .Remedy("is another program listening there? Set [server] metrics_address");
  }
}

Exporter::Exporter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Exporter::~Exporter() = default;

int Exporter::port() const {
  const auto ports = impl_->exposer.GetListeningPorts();
  return ports.empty() ? 0 : ports.front();
}

}  // namespace dmgr::metrics

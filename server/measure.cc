#include "server/measure.h"

#include <spdlog/spdlog.h>

#include <limits>
#include <utility>

#include "common/enum_words.h"
#include "common/error.h"
#include "server/certificates/cluster.h"
#include "server/operations/task/task.h"
#include "server/ssh/session.h"
#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"

namespace dmgr {
namespace {

constexpr int kMostClusters = 10'000;

double DaysLeft(const topology::Tls& tls) {
  return absl::ToDoubleHours(certificates::EndOf(tls) - absl::Now()) / 24;
}

absl::Status ReadTasks(const Resources& resources, metrics::Readings* readings) {
  ASSIGN_OR_RETURN(auto list,
                   operations::ListTasks(resources, {.limit = std::numeric_limits<int>::max(),
                                                     .without_config = true}));
  readings->tasks = std::move(list.tasks);
  return resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    readings->reached.clear();
    readings->unreached.clear();
    readings->tls_days.clear();
    ASSIGN_OR_RETURN(const auto clusters, store::ListClusters(tx, "", kMostClusters, std::nullopt));
    for (const auto& record : clusters) {
      if (record.cluster.tls != nullptr) {
        readings->tls_days[record.cluster.name] = DaysLeft(*record.cluster.tls);
      }
      // Of one that was stopped nobody wants to be told that it does not answer.
      if (record.state != v1::CLUSTER_STATE_UP) continue;
      const auto why = list.unreached.find(record.cluster.name);
      if (why == list.unreached.end()) {
        readings->reached.push_back(record.cluster.name);
      } else {
        readings->unreached.insert(*why);
      }
    }
    return absl::OkStatus();
  });
}

absl::Status ReadOperations(const Resources& resources, metrics::Readings* readings) {
  return resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    readings->operations.clear();
    ASSIGN_OR_RETURN(const auto counts, store::CountOperations(tx));
    for (const auto& one : counts) {
      readings->operations.push_back({ToWord(one.kind), ToWord(one.state), one.count});
    }
    return absl::OkStatus();
  });
}

}  // namespace

metrics::Readings Measure(const Resources& resources, const rpc::Server& server) {
  metrics::Readings readings;
  absl::Status read = ReadTasks(resources, &readings);
  read.Update(ReadOperations(resources, &readings));
  if (!read.ok()) {
    spdlog::warn("metrics are not complete: {}", Message(read));
    readings.is_complete = false;
  }
  auto calls = server.calls();
  for (auto& call : calls) {
    readings.calls.push_back({std::move(call.method), std::move(call.code), call.calls});
  }
  readings.host_sessions = ssh::Session::OpenCount();
  return readings;
}

}  // namespace dmgr

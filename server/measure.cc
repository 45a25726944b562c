#include "server/measure.h"

#include <spdlog/spdlog.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/enum_words.h"
#include "common/error.h"
#include "common/thread_pool.h"
#include "server/certificates/cluster.h"
#include "server/operations/task/task.h"
#include "server/ssh/session.h"
#include "server/status/member_count.h"
#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"
#include "server/store/work_store.h"

namespace dmgr {
namespace {

constexpr int kMostClusters = 10'000;
// Clusters whose DM is asked at once.
constexpr std::size_t kClustersAtOnce = 16;

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

absl::Status ReadWork(const Resources& resources, metrics::Readings* readings) {
  return resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto work, store::MeasureWork(tx));
    readings->work = {.longest_wait_seconds = absl::ToDoubleSeconds(work.longest_wait),
                      .held_leases = work.held_leases,
                      .lapsed_leases = work.lapsed_leases,
                      .database_bytes = work.database_bytes};
    for (const auto& [state, count] : work.steps) readings->work.steps[ToWord(state)] = count;
    return absl::OkStatus();
  });
}

absl::Status ReadClusters(const Resources& resources, metrics::Readings* readings) {
  std::vector<store::ClusterRecord> records;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(records, store::ListClusters(tx, "", kMostClusters, std::nullopt));
    return absl::OkStatus();
  }));
  readings->clusters.resize(records.size());
  resources.threads->ForEach(records.size(), kClustersAtOnce, [&](std::size_t i) {
    metrics::ClusterReading& reading = readings->clusters[i];
    reading.name = records[i].cluster.name;
    reading.state = ToWord(records[i].state);
    if (records[i].state != v1::CLUSTER_STATE_UP) return;
    const auto counts =
        status::CountMembers(resources.members, records[i].cluster, /*cancelled=*/{});
    for (const auto& [component, count] : counts) {
      reading.members[component] = {.all = count.all, .working = count.working};
    }
  });
  return absl::OkStatus();
}

void ReadOwnLife(const Resources& resources, const rpc::Server& server, metrics::OwnLife* own) {
  const auto pool = resources.database->pool();
  own->open_connections = pool.open;
  own->idle_connections = pool.idle;
  own->most_connections = pool.most;
  const auto uploads = server.uploads();
  own->unfinished_uploads = uploads.files;
  own->unfinished_bytes = uploads.bytes;
  const auto forgotten = server.forgotten();
  own->forgotten = {{"sessions", forgotten.sessions},
                    {"tokens", forgotten.tokens},
                    {"uploads", forgotten.uploads},
                    {"far_ends", resources.hosts->removed_programs()}};
}

}  // namespace

metrics::Readings Measure(const Resources& resources, const rpc::Server& server) {
  metrics::Readings readings;
  absl::Status read = ReadTasks(resources, &readings);
  read.Update(ReadOperations(resources, &readings));
  read.Update(ReadWork(resources, &readings));
  read.Update(ReadClusters(resources, &readings));
  if (!read.ok()) {
    spdlog::warn("metrics are not complete: {}", Message(read));
    readings.is_complete = false;
  }
  auto calls = server.calls();
  for (auto& call : calls) {
    readings.calls.push_back({std::move(call.method), std::move(call.code), call.calls});
  }
  ReadOwnLife(resources, server, &readings.own);
  readings.host_sessions = ssh::Session::OpenCount();
  return readings;
}

}  // namespace dmgr

#include <string>
#include <vector>

#include "server/metrics/family.h"

namespace dmgr::metrics {

void AddWork(const Readings& readings, std::vector<prometheus::MetricFamily>* families) {
  const WorkReading& work = readings.work;
  Family steps("dmgr_steps", "Steps of operations that have not ended, by state.");
  for (const auto& [state, count] : work.steps) {
    steps.Add(static_cast<double>(count), {{"state", state}});
  }
  Family waits("dmgr_queue_oldest_seconds",
               "For how long the operation that waits longest has waited to be begun.");
  waits.Add(work.longest_wait_seconds);
  Family leases(
      "dmgr_leases",
      "Operations that a dmgrd owns (held), and whose owner has not been heard of in time "
      "(lapsed).");
  leases.Add(static_cast<double>(work.held_leases), {{"state", "held"}});
  leases.Add(static_cast<double>(work.lapsed_leases), {{"state", "lapsed"}});
  Family size("dmgr_database_bytes", "Size of the database.");
  size.Add(static_cast<double>(work.database_bytes));
  Family states("dmgr_cluster_state", "1 for the state that a cluster has on record.");
  Family members("dmgr_cluster_members",
                 "dm-masters and dm-workers on record of a cluster that is up, by whether DM says "
                 "that they work.");
  for (const auto& cluster : readings.clusters) {
    states.Add(1, {{"cluster", cluster.name}, {"state", cluster.state}});
    for (const auto& [component, count] : cluster.members) {
      members.Add(count.working,
                  {{"cluster", cluster.name}, {"component", component}, {"works", "yes"}});
      members.Add(count.all - count.working,
                  {{"cluster", cluster.name}, {"component", component}, {"works", "no"}});
    }
  }
  for (Family* family : {&steps, &waits, &leases, &size, &states, &members}) {
    families->push_back(family->Take());
  }
}

void AddOwnLife(const Readings& readings, std::vector<prometheus::MetricFamily>* families) {
  const OwnLife& own = readings.own;
  Family connections("dmgr_database_connections",
                     "Connections to the database for calls, by use; max is what they may be.");
  connections.Add(own.open_connections - own.idle_connections, {{"state", "used"}});
  connections.Add(own.idle_connections, {{"state", "idle"}});
  connections.Add(own.most_connections, {{"state", "max"}});
  Family uploads("dmgr_unfinished_uploads", "Uploads that have begun and not ended.");
  uploads.Add(own.unfinished_uploads);
  Family bytes("dmgr_unfinished_upload_bytes", "What is kept of them.");
  bytes.Add(static_cast<double>(own.unfinished_bytes));
  Family forgotten("dmgr_forgotten_total",
                   "What was of no use any more and is gone: operations with their events, "
                   "sessions, API tokens, uploads that nobody went on with, far ends of other "
                   "builds on hosts.",
                   prometheus::MetricType::Counter);
  for (const auto& [what, count] : own.forgotten) {
    forgotten.Add(static_cast<double>(count), {{"what", what}});
  }
  for (Family* family : {&connections, &uploads, &bytes, &forgotten}) {
    families->push_back(family->Take());
  }
}

}  // namespace dmgr::metrics

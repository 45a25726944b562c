// What a destroy or a scale-in removes from a host, by the record of what was there before. Pure.
#ifndef DMGR_SERVER_CLUSTERS_REMOVAL_H_
#define DMGR_SERVER_CLUSTERS_REMOVAL_H_

#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "dmgr/plan/v1/removal.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/host_before.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

namespace hv1 = ::dmgr::host::v1;
namespace pv1 = ::dmgr::plan::v1;

// What leaves a host with these instances. What others of the cluster on the host need stays; with
// none the cluster leaves it.
pv1::HostRemoval RemovalOf(const topology::Cluster& cluster, const topology::Cluster& leaving,
                           const std::string& machine_id, const HostBefore& before,
                           const std::string& public_key, const v1::Package& package);
// The same of all instances that are there.
pv1::HostRemoval RemovalOf(const topology::Cluster& cluster, const std::string& machine_id,
                           const HostBefore& before, const std::string& public_key);

// The same in words, "units ...; directories ...; user ...": what goes, and on what condition.
std::string WordsOf(const pv1::HostRemoval& removal);

// As it is asked of the host, in order: the paths go, by record, then the cluster leaves, or gives
// up releases.
hv1::Batch RequestOf(const pv1::HostRemoval& removal);

// The same of what may still run: it is killed before.
hv1::Batch EndAndRemove(const pv1::HostRemoval& removal);

// The same of a removal before which older ones, of what the cluster left there, are to be done.
hv1::Batch RequestOf(const std::vector<pv1::HostRemoval>& older, const pv1::HostRemoval& removal);

// Adds what an instance runs: what is another cluster's by the time that it is removed goes on.
void NoteReleases(const topology::Instance& instance, const v1::Package& package,
                  const HostBefore& before, pv1::HostRemoval::Instance* removed);
// What the host is told then. heir: the other cluster's uuid; dirs: of the instance.
hv1::HandOver HandOverTo(const std::string& heir, const std::vector<std::string>& dirs,
                         const pv1::HostRemoval::Instance& removed);

// What stays, with the reason, by the answer to one of these.
std::vector<std::string> LeftBy(const hv1::BatchReply& reply);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_REMOVAL_H_

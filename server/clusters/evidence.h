// What a host is asked, and has told, of an instance that does not run. Pure.
#ifndef DMGR_SERVER_CLUSTERS_EVIDENCE_H_
#define DMGR_SERVER_CLUSTERS_EVIDENCE_H_

#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "server/diagnosis/diagnosis.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

// The files of an instance's logs: what tells most of a failed start first.
std::vector<std::string> LogPathsOf(const topology::Instance& instance);

// Its data, log and deploy directory, those that it has.
std::vector<diagnosis::Directory> DirectoriesOf(const topology::Instance& instance);

// What the host has told of instances; of others in the same answers nothing is taken.
diagnosis::Evidence EvidenceOf(const topology::Instance& instance,
                               const dmgr::host::v1::NewLogs& logs,
                               const dmgr::host::v1::Space& space, int exit_status);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_EVIDENCE_H_

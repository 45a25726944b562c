// A cluster as TiUP lays it, on the hosts of a stage.
#ifndef DMGR_TESTS_OPERATIONS_TIUP_HOSTS_H_
#define DMGR_TESTS_OPERATIONS_TIUP_HOSTS_H_

#include "dmgr/v1/topology.pb.h"
#include "server/operations/import/import.h"
#include "server/store/cluster_store.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"

namespace dmgr::test {

inline const Caller kImporter{"alice"};
inline constexpr char kForeign[] = "dm-tiup";

// The names, ports and directories that TiUP would have filled in.
v1::Topology TiupTopology();

void LayAsTiup(const Stage& stage);

Ask Importing(Stage& stage);
Ask TakingOver(Stage& stage);

store::ClusterRecord Recorded(Stage& stage);

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_TIUP_HOSTS_H_

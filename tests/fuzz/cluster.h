// A cluster of a topology whose hosts are all registered.
#ifndef DMGR_TESTS_FUZZ_CLUSTER_H_
#define DMGR_TESTS_FUZZ_CLUSTER_H_

#include <vector>

#include "server/topology/topology.h"

namespace dmgr::fuzz {

struct Expansion {
  topology::Cluster cluster;
  std::vector<topology::Problem> problems;
};
Expansion Expanded(const v1::Topology& topology);

}  // namespace dmgr::fuzz

#endif  // DMGR_TESTS_FUZZ_CLUSTER_H_

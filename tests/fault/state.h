// All that a cluster is, as text that can be compared: on the hosts and in the store.
#ifndef DMGR_TESTS_FAULT_STATE_H_
#define DMGR_TESTS_FAULT_STATE_H_

#include <map>
#include <string>
#include <vector>

#include "tests/lab/site.h"

namespace dmgr::testing {

/// What was looked at -> what was seen there: every path of every host (without what running
/// processes write), units with their state, far ends that still run, and the tables of clusters.
using State = std::map<std::string, std::string>;
State ReadState(Site& site, const std::vector<std::string>& hosts = Site::Hosts());

/// The first thing that differs; empty when nothing does.
std::string FirstDifference(const State& wanted, const State& got);

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_FAULT_STATE_H_

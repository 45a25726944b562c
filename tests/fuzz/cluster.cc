#include "tests/fuzz/cluster.h"

#include <fmt/format.h>

namespace dmgr::fuzz {

Expansion Expanded(const v1::Topology& topology) {
  topology::ExpandInput input;
  input.cluster_name = "c1";
  input.version = "v7.5.2";
  input.cluster_path = "/var/lib/dmgrd";
  input.package_archs = {"amd64"};
  input.topology = topology;
  for (int i = 1; i <= 3; ++i) {
    input.machines.push_back(
        {fmt::format("m{}", i), fmt::format("10.0.1.1{}", i), 22, fmt::format("id-{}", i), ""});
  }
  Expansion expansion;
  expansion.cluster = topology::Expand(input, &expansion.problems);
  return expansion;
}

}  // namespace dmgr::fuzz

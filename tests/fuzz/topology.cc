// The topology file of a user: read by dmgrctl, then made a cluster of by dmgrd.
#include "client/topology/topology.h"

#include <set>

#include "client/topology/tiup.h"
#include "common/error.h"
#include "server/topology/topology.h"
#include "tests/fuzz/cluster.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {

void FuzzTopology(std::string_view input) {
  const std::string text(input);
  if (const auto meta = client::ParseTiupMeta(text, "meta.yaml"); !meta.ok()) {
    Must(Reason(meta.status()) == "BAD_TOPOLOGY_FILE", "a meta.yaml is refused for another reason");
  }
  const auto parsed = client::ParseTopology(text, "t.yaml");
  if (!parsed.ok()) {
    Must(Reason(parsed.status()) == "BAD_TOPOLOGY_FILE", "a file is refused for another reason");
    return;
  }
  const std::string written = client::TopologyText(*parsed);
  const auto again = client::ParseTopology(written, "again.yaml");
  Must(again.ok(), "what TopologyText writes is no topology");
  Must(client::TopologyText(*again) == written, "TopologyText writes another topology");

  const auto expanded = Expanded(*parsed);
  for (const auto& problem : expanded.problems) {
    Must(client::LineOf(text, problem.field) >= 0, "a field is on no line");
    client::KeyOf(problem.field);
  }
  if (!expanded.problems.empty()) return;
  topology::Cluster cluster = expanded.cluster;
  topology::SetOptions(topology::OptionsOf(cluster), &cluster);
  std::set<std::string> names;
  for (const auto& instance : cluster.instances) {
    Must(names.insert(instance.DmName()).second, "two instances of one name");
    Must(topology::IsCleanPath(instance.deploy_dir), "a deploy directory is not clean");
  }
  v1::Topology wanted = *parsed;
  topology::RemoveWriteOnly(&wanted);
  topology::KeepWriteOnly(cluster, *parsed, &wanted);
  std::vector<topology::Problem> changes;
  topology::CheckFixed(cluster, expanded.cluster, *parsed, &changes);
  Must(changes.empty(), "a cluster differs from itself");
}

}  // namespace dmgr::fuzz

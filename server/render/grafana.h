// Grafana's files that no template makes.
#ifndef DMGR_SERVER_RENDER_GRAFANA_H_
#define DMGR_SERVER_RENDER_GRAFANA_H_

#include <google/protobuf/struct.pb.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/render/render.h"

namespace dmgr::render {

// Lines for the end of grafana.ini, where they win: config has "section.key" -> value.
// INVALID_ARGUMENT names the keys that cannot be written.
absl::StatusOr<std::string> GrafanaIni(const google::protobuf::Struct& config);

// The dashboards by file name, the topology's or else the package's, for this cluster: PingCAP's
// placeholders for the name of the cluster and of its data source are replaced.
std::map<std::string, std::string> Dashboards(const PackageFiles& package,
                                              const topology::Instance& grafana,
                                              const topology::Cluster& cluster);

// A Prometheus as Grafana knows it. Its first name is the one by which the first of the cluster's
// names has it; the former ones are those that it has no more.
struct DataSource {
  const topology::Instance* prometheus = nullptr;
  std::string name;
  std::string first_name;
  std::vector<std::string> former_names;
};
// Each Prometheus but agents, which answer no queries. The dashboards ask the first one, by the
// cluster's name.
std::vector<DataSource> DataSourcesOf(const topology::Cluster& cluster);

// Of a data source of this name. Grafana looks it up by its name, and does not start when it finds
// none and the uid is there (grafana/grafana#111667): after a cluster's renaming the former data
// source has to go before the uid is given to another name. It takes 40 characters.
std::string DatasourceUid(const std::string& name);

std::string ReplaceAll(const std::string& text, std::string_view from, std::string_view to);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_GRAFANA_H_

// Grafana's files that no template makes.
#ifndef DMGR_SERVER_RENDER_GRAFANA_H_
#define DMGR_SERVER_RENDER_GRAFANA_H_

#include <google/protobuf/struct.pb.h>

#include <map>
#include <string>
#include <string_view>

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

// Of a data source, by its name alone: Grafana looks it up by its name, and does not start when it
// finds none and the uid is there (grafana/grafana#111667), as after a cluster's renaming. It takes
// 40 characters.
std::string DatasourceUid(const std::string& name);

std::string ReplaceAll(const std::string& text, std::string_view from, std::string_view to);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_GRAFANA_H_

#include "server/clusters/cache.h"

#include <string>
#include <vector>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/clusters/workspace.h"
#include "server/render/render.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {
namespace {

using topology::Instance;

void AddCached(const Instance& instance, const render::RenderedInstance& rendered,
               std::vector<LocalFile>* files) {
  const std::string top = instance.deploy_dir + "/";
  for (const auto& file : rendered.files) {
    if (file.only_on_host) continue;
    const std::string path =
        file.path.starts_with(top) ? file.path.substr(top.size()) : file.path.substr(1);
    files->push_back({FlatName(instance.name, path), file.content, file.secret ? 0600 : file.mode});
  }
  files->push_back({FlatName(instance.name, rendered.unit_name), rendered.unit_content, 0644});
}

}  // namespace

absl::Status WriteCache(const Resources& resources, const store::ClusterRecord& record) {
  ASSIGN_OR_RETURN(const auto templates, render::LoadPackageFiles(ClusterTree(record)));
  std::vector<LocalFile> files;
  for (const auto& instance : record.cluster.instances) {
    ASSIGN_OR_RETURN(const auto rendered, RenderOne(resources, record, instance, templates));
    AddCached(instance, rendered, &files);
  }
  return ReplaceFolder(ClusterDir(record.cluster.cluster_path, record.cluster.name) + "/cache",
                       files);
}

}  // namespace dmgr::clusters

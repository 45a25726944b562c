#include "server/clusters/evidence.h"

#include <fmt/format.h>

#include <algorithm>

namespace dmgr::clusters {

using topology::Instance;

std::vector<std::string> LogPathsOf(const Instance& instance) {
  const std::string base = fmt::format("{}/{}", instance.log_dir, Name(instance.component));
  return {base + "_stdout.log", base + ".log", base + "_stderr.log"};
}

std::vector<diagnosis::Directory> DirectoriesOf(const Instance& instance) {
  std::vector<diagnosis::Directory> directories;
  for (const auto& [what, path] :
       {std::pair("data", instance.data_dir), std::pair("log", instance.log_dir),
        std::pair("deploy", instance.deploy_dir)}) {
    if (!path.empty()) directories.push_back({.what = what, .path = path});
  }
  return directories;
}

diagnosis::Evidence EvidenceOf(const Instance& instance, const dmgr::host::v1::NewLogs& logs,
                               const dmgr::host::v1::Space& space, int exit_status) {
  diagnosis::Evidence evidence;
  evidence.component = instance.component;
  evidence.exit_status = exit_status;
  for (const auto& log : logs.logs()) {
    if (log.unit() == instance.Unit()) evidence.logs.push_back({log.path(), log.text()});
  }
  for (auto& directory : DirectoriesOf(instance)) {
    const auto seen = std::find_if(space.paths().begin(), space.paths().end(),
                                   [&](const auto& one) { return one.path() == directory.path; });
    if (seen == space.paths().end()) continue;
    directory.free_bytes = seen->free_bytes();
    directory.free_inodes = seen->free_inodes();
    directory.all_inodes = seen->all_inodes();
    evidence.directories.push_back(std::move(directory));
  }
  return evidence;
}

}  // namespace dmgr::clusters

// Directories of instances. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_PATHS_H_
#define DMGR_SERVER_TOPOLOGY_PATHS_H_

#include <string>
#include <string_view>

#include "dmgr/v1/topology.pb.h"

namespace dmgr::topology {

// global.deploy_dir or its default, without slashes at its end: "" for "/".
std::string DeployDirOf(const v1::GlobalOptions& global);

// Without the slashes at its end; "/" stays.
std::string TrimSlashes(std::string_view path);

// A relative path below the user's home; an absolute one as it is.
std::string UnderHome(const std::string& path, const std::string& user);

// {data_dir}/data or {log_dir}/log; a relative one is the directory itself, below deploy_dir, as in
// TiUP. leaf: "data" or "log"; own and global: what the instance and
// the global section say, either may be empty; role_port: such as "dm-worker-8262".
std::string LeafDir(std::string_view leaf, const std::string& own, const std::string& global,
                    const std::string& deploy_dir, const std::string& role_port);

// The same as TiUP takes it: an absolute one is the directory itself, but for the global data_dir,
// which gets {role-port} below it.
std::string TiupDir(std::string_view leaf, const std::string& own, const std::string& global,
                    const std::string& deploy_dir, const std::string& role_port);

// Why an absolute path cannot be a directory of an instance, "" when it can.
std::string PathProblem(const std::string& path);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_PATHS_H_

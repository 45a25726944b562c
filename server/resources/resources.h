// What a call or a step may use: the database, secrets, the way to hosts, folders. Owns nothing.
#ifndef DMGR_SERVER_RESOURCES_RESOURCES_H_
#define DMGR_SERVER_RESOURCES_RESOURCES_H_

#include <string>

#include "server/auth/secret_box.h"
#include "server/host/near/far_end.h"
#include "server/ssh/session_pool.h"
#include "server/store/database.h"

namespace dmgr {

struct Resources {
  store::Database* database = nullptr;
  const auth::SecretBox* secrets = nullptr;
  const host::FarEndProgram* far_end = nullptr;
  ssh::SessionPool* sessions = nullptr;
  // Default of DeployClusterRequest.cluster_path.
  std::string cluster_path;
  // Packages: {warehouse}/packages/{version}/{tree,releases}, {warehouse}/uploads.
  std::string warehouse_dir;
};

// Who asks, for operations and the audit.
struct Caller {
  std::string user;
};

// Where a package's unpacked tree is on the control machine.
std::string PackageTree(const Resources& resources, const std::string& version);

// Where a release's archive is on the control machine.
std::string ReleaseArchive(const Resources& resources, const std::string& version,
                           const std::string& hash);

// {cluster_path}/cluster/{cluster_name}.
std::string ClusterDir(const std::string& cluster_path, const std::string& cluster_name);

}  // namespace dmgr

#endif  // DMGR_SERVER_RESOURCES_RESOURCES_H_
